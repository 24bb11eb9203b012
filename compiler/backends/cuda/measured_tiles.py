"""The quickest tiles of the convolutions of common detectors on an H200.

Measured one by one, then changed where another one made a whole network quicker; `python -m benchmarks.gpu.networks`
(prepare, then run on the card) times networks and each of their launches, and so any tile that is written here.
"""

from __future__ import annotations

from zcc.compiler.backends.cuda.kernels.conv_mma import Tile

# By pixels and channels of the result, and bytes of what one output is made of; in fp16.
MEASURED: dict[tuple[int, int, int], Tile] = {
    (102400, 32, 288): Tile(128, 32, row=64, warps=(4, 1), cached=True),
    (102400, 16, 96): Tile(64, 16, warps=(4, 1)),
    (25600, 64, 576): Tile(128, 64, row=64, warps=(4, 2)),
    (25600, 64, 128): Tile(64, 64, warps=(4, 2)),
    (25600, 32, 576): Tile(64, 32, cached=True),
    (25600, 32, 288): Tile(64, 32),
    (25600, 32, 128): Tile(64, 32, warps=(4, 2)),
    (25600, 32, 96): Tile(64, 32, warps=(4, 2)),
    (25600, 32, 64): Tile(128, 16, row=64, warps=(4, 1), stages=6),
    (25600, 16, 288): Tile(64, 16, warps=(4, 1)),
    (6400, 256, 256): Tile(128, 64, warps=(4, 2), stages=3),
    (6400, 128, 1152): Tile(64, 64),
    (6400, 128, 256): Tile(128, 32, warps=(4, 2), stages=3),
    (6400, 80, 1440): Tile(64, 80, warps=(4, 1)),
    (6400, 80, 1152): Tile(64, 80, warps=(4, 1)),
    (6400, 80, 160): Tile(128, 16, row=64, warps=(4, 1)),
    (6400, 64, 1152): Tile(64, 64, stages=3, cached=True),
    (6400, 64, 576): Tile(32, 32),
    (6400, 64, 512): Tile(128, 32, warps=(4, 2), stages=3),
    (6400, 64, 384): Tile(128, 32, warps=(4, 2), stages=3),
    (6400, 64, 256): Tile(32, 32, cached=True),
    (6400, 64, 192): Tile(32, 32),
    (6400, 64, 128): Tile(64, 16, warps=(4, 1)),
    (6400, 32, 576): Tile(64, 32, warps=(4, 2)),
    (1600, 256, 2304): Tile(64, 64),
    (1600, 256, 512): Tile(64, 32, stages=6),
    (1600, 128, 2304): Tile(64, 64, split=4),
    (1600, 128, 1152): Tile(16, 64, warps=(1, 4)),
    (1600, 128, 1024): Tile(16, 64, warps=(1, 4)),
    (1600, 128, 768): Tile(32, 32),
    (1600, 128, 512): Tile(64, 32, warps=(4, 2), stages=5),
    (1600, 128, 384): Tile(64, 32, warps=(4, 2)),
    (1600, 128, 256): Tile(16, 64, warps=(1, 4), stages=6),
    (1600, 80, 2304): Tile(64, 80, warps=(4, 1), split=4, cached=True),
    (1600, 80, 1440): Tile(64, 80, warps=(4, 1), split=4),
    (1600, 80, 160): Tile(64, 16, warps=(4, 1)),
    (1600, 64, 2304): Tile(64, 64, split=4),
    (1600, 64, 1152): Tile(16, 64, warps=(1, 4)),
    (1600, 64, 128): Tile(32, 32),
    (400, 512, 4608): Tile(64, 64, split=4),
    (400, 512, 2048): Tile(16, 64, warps=(1, 4)),
    (400, 512, 1024): Tile(32, 64, warps=(2, 4)),
    (400, 256, 4608): Tile(64, 64, split=4),
    (400, 256, 2304): Tile(32, 64, split=2),
    (400, 256, 1024): Tile(32, 32, stages=6),
    (400, 256, 768): Tile(32, 32, stages=6),
    (400, 256, 512): Tile(32, 32, stages=5),
    (400, 128, 2304): Tile(32, 64, split=4),
    (400, 128, 512): Tile(32, 32),
    (400, 80, 4608): Tile(32, 32, stages=6, split=8, cached=True),
    (400, 80, 1440): Tile(32, 32, split=4),
    (400, 80, 160): Tile(32, 32, stages=6),
    (400, 64, 4608): Tile(32, 64, split=8),
    (400, 64, 1152): Tile(16, 64, warps=(1, 4)),
    (400, 64, 128): Tile(16, 64, warps=(1, 4)),
}

# The same in int8, where another tile was quicker.
MEASURED_BYTES: dict[tuple[int, int, int], Tile] = {
    (102400, 32, 288): Tile(32, 32),
    (25600, 64, 288): Tile(128, 64, warps=(4, 2), stages=3),
    (6400, 128, 128): Tile(64, 32, warps=(4, 2)),
    (6400, 64, 256): Tile(32, 32, stages=6),
    (6400, 64, 64): Tile(64, 32, warps=(4, 2)),
    (1600, 256, 256): Tile(64, 32, warps=(4, 2)),
    (1600, 128, 256): Tile(32, 32, stages=6),
    (400, 512, 2304): Tile(64, 64, split=2),
    (400, 256, 2304): Tile(64, 64, split=4),
    (400, 256, 512): Tile(32, 32, stages=6),
}
