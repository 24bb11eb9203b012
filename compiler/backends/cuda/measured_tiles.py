"""The quickest tiles of the convolutions of common detectors, measured one by one on an H200 in fp16."""

from __future__ import annotations

from zcc.compiler.backends.cuda.kernels.conv_mma import Tile

# By pixels and channels of the result, and bytes of what one output is made of.
MEASURED: dict[tuple[int, int, int], Tile] = {
    (102400, 32, 288): Tile(64, 32, warps=(4, 2)),  # 13.9 us
    (102400, 16, 96): Tile(64, 16, warps=(4, 1)),  # 5.3 us
    (25600, 64, 576): Tile(128, 64, row=64, warps=(4, 2)),  # 7.3 us
    (25600, 64, 128): Tile(64, 64, warps=(4, 2)),  # 3.7 us
    (25600, 32, 576): Tile(64, 32),  # 5.6 us
    (25600, 32, 288): Tile(64, 32),  # 4.1 us
    (25600, 32, 128): Tile(64, 32, warps=(4, 2)),  # 2.7 us
    (25600, 32, 96): Tile(64, 32, warps=(4, 2)),  # 2.7 us
    (25600, 32, 64): Tile(128, 16, row=64, warps=(4, 1)),  # 2.5 us
    (25600, 16, 288): Tile(64, 16, warps=(4, 1)),  # 3.4 us
    (6400, 256, 256): Tile(128, 64, warps=(4, 2), stages=3),  # 3.8 us
    (6400, 128, 1152): Tile(64, 64),  # 6.6 us
    (6400, 128, 256): Tile(128, 32, warps=(4, 2), stages=3),  # 3.2 us
    (6400, 80, 1440): Tile(64, 80, warps=(4, 1)),  # 7.9 us
    (6400, 80, 1152): Tile(64, 16, warps=(4, 1)),  # 6.0 us
    (6400, 80, 160): Tile(128, 16, row=64, warps=(4, 1)),  # 2.5 us
    (6400, 64, 1152): Tile(64, 64),  # 5.2 us
    (6400, 64, 576): Tile(32, 32),  # 3.8 us
    (6400, 64, 512): Tile(128, 32, warps=(4, 2), stages=3),  # 3.3 us
    (6400, 64, 384): Tile(128, 32, warps=(4, 2), stages=3),  # 3.0 us
    (6400, 64, 256): Tile(64, 32, warps=(4, 2)),  # 2.5 us
    (6400, 64, 192): Tile(32, 32),  # 2.6 us
    (6400, 64, 128): Tile(64, 16, warps=(4, 1)),  # 2.1 us
    (6400, 32, 576): Tile(64, 32, warps=(4, 2)),  # 2.9 us
    (1600, 256, 2304): Tile(64, 64),  # 7.6 us
    (1600, 256, 512): Tile(64, 32),  # 3.3 us
    (1600, 128, 2304): Tile(64, 64, split=4),  # 5.9 us
    (1600, 128, 1152): Tile(32, 64, warps=(2, 4)),  # 3.6 us
    (1600, 128, 1024): Tile(64, 32, warps=(4, 2)),  # 3.2 us
    (1600, 128, 768): Tile(64, 32),  # 2.8 us
    (1600, 128, 512): Tile(64, 32, warps=(4, 2)),  # 2.5 us
    (1600, 128, 384): Tile(64, 32, warps=(4, 2)),  # 2.2 us
    (1600, 128, 256): Tile(64, 32, warps=(4, 2)),  # 2.0 us
    (1600, 80, 2304): Tile(64, 80, warps=(4, 1), split=4),  # 5.2 us
    (1600, 80, 1440): Tile(64, 80, warps=(4, 1), split=4),  # 4.7 us
    (1600, 80, 160): Tile(64, 16, warps=(4, 1)),  # 1.8 us
    (1600, 64, 2304): Tile(64, 64, split=4),  # 4.5 us
    (1600, 64, 1152): Tile(16, 64, warps=(1, 4)),  # 3.0 us
    (1600, 64, 128): Tile(32, 32),  # 1.5 us
    (400, 512, 4608): Tile(64, 64, split=4),  # 7.9 us
    (400, 512, 2048): Tile(16, 64, warps=(1, 4)),  # 5.1 us
    (400, 512, 1024): Tile(32, 64, warps=(2, 4)),  # 3.4 us
    (400, 256, 4608): Tile(64, 64, split=4),  # 6.0 us
    (400, 256, 2304): Tile(64, 64, split=4),  # 4.5 us
    (400, 256, 1024): Tile(32, 32, stages=6),  # 2.6 us
    (400, 256, 768): Tile(32, 32),  # 2.4 us
    (400, 256, 512): Tile(32, 32),  # 2.1 us
    (400, 128, 2304): Tile(32, 64, split=4),  # 3.9 us
    (400, 128, 512): Tile(32, 32),  # 2.1 us
    (400, 80, 4608): Tile(64, 64, split=8),  # 4.5 us
    (400, 80, 1440): Tile(32, 32, split=4),  # 3.5 us
    (400, 80, 160): Tile(32, 32, stages=6),  # 1.6 us
    (400, 64, 4608): Tile(32, 64, split=8),  # 3.9 us
    (400, 64, 1152): Tile(16, 64, warps=(1, 4)),  # 2.8 us
    (400, 64, 128): Tile(16, 64, warps=(1, 4)),  # 1.4 us
}
