"""Which tiles a search tries: all shapes that were ever the best of a convolution, then what is near the best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from zcc.compiler.backends.cuda.kernels.conv_mma import Tile
from zcc.compiler.backends.cuda.measured_tiles import MEASURED, MEASURED_BYTES
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.backends.cuda.tile_records import Product
from zcc.compiler.backends.cuda.tiles import fitted

STAGES = (3, 4, 5, 6)
SPLITS = (1, 2, 4, 8)  # a cluster has at most eight blocks
MOST_SUMS = 64  # that a thread holds in registers, beside all else


def shapes(capability: Capability, product: Product, split: int) -> Iterator[Tile]:
    """Every shape that can compute it, with a split."""
    known = (*MEASURED.values(), *MEASURED_BYTES.values())
    plain = (fitted(capability, replace(tile, split=split, stages=4, cached=False)) for tile in known)
    yield from (tile for tile in dict.fromkeys(plain) if is_sound(capability, product, tile))


def neighbours(capability: Capability, product: Product, tile: Tile) -> Iterator[Tile]:
    """The same shape with another split, other stages, or the other way through the caches."""
    others = [
        *(replace(tile, split=split) for split in SPLITS),
        *(replace(tile, stages=stages) for stages in STAGES if capability.copies_ahead),
        replace(tile, cached=not tile.cached),
    ]
    near = (fitted(capability, other) for other in others)
    yield from (other for other in near if is_sound(capability, product, other))


def is_sound(capability: Capability, product: Product, tile: Tile) -> bool:
    """Whether conv_mma.cuh takes the tile, as it asserts, and a card has room for it."""
    rows = tile.threads // (tile.row // 16)  # of a tile that the threads copy at a time
    across, down = tile.pixels // tile.warps[0], tile.outputs // tile.warps[1]
    sums = across // 16 * (down // 16) * 2  # fours of them
    whole = (
        rows % 16 == 0 and tile.pixels % rows == 0 and across % 16 == 0 and down % 16 == 0 and across > 0 and down > 0
    )
    steps = -(-product.products * product.bytes // tile.row)
    parts = tile.split == 1 or (
        tile.split <= steps // 2
        and sums * tile.threads % tile.split == 0
        and sums * tile.threads * 16 <= tile.shared_bytes
    )
    cached = not tile.cached or product.bytes > 1  # bytes' edges are not zeros
    return whole and parts and cached and 4 * sums <= MOST_SUMS and tile.shared_bytes <= capability.shared_bytes
