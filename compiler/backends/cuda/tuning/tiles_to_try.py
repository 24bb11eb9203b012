"""Which tiles a search tries: all shapes that were ever the best of a convolution, then what is near the best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from zcc.compiler.backends.cuda.kernels.conv_mma import Tile
from zcc.compiler.backends.cuda.measured_tiles import MEASURED, MEASURED_BYTES
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.backends.cuda.tile_records import Product
from zcc.compiler.backends.cuda.tiles import fitted

STAGES = (2, 3, 4, 5, 6)
SPLITS = (1, 2, 4, 8)  # a cluster has at most eight blocks
MOST_SUMS = 64  # that a thread holds in registers, beside all else
# Pixels, outputs and warps of further shapes, tried beside those of the tables.
FURTHER = (
    (32, 64, (1, 4)),
    (64, 32, (4, 1)),
    (64, 64, (2, 4)),
    (64, 64, (4, 1)),
    (64, 128, (2, 4)),
    (128, 32, (8, 1)),
    (128, 64, (4, 4)),
    (128, 128, (4, 4)),
    (80, 64, (1, 4)),
)


def shapes(capability: Capability, product: Product, split: int, patch: bool) -> Iterator[Tile]:
    """Every shape that can compute it, with a split; and with a patch, where that may be."""
    further = (Tile(pixels, outputs, warps=warps) for pixels, outputs, warps in FURTHER)
    known = (*MEASURED.values(), *MEASURED_BYTES.values(), *further)
    plain = dict.fromkeys(replace(tile, split=split, stages=4, cached=False, patch=False) for tile in known)
    every = [replace(tile, patch=way) for way in ([False, True] if patch else [False]) for tile in plain]
    yield from (tile for tile in (fitted(capability, each) for each in every) if is_sound(capability, product, tile))


def neighbours(capability: Capability, product: Product, tile: Tile, patch: bool) -> Iterator[Tile]:
    """The same shape with another split, other stages, the other way through the caches, with a patch or without."""
    others = [
        *(replace(tile, split=split) for split in SPLITS),
        *(replace(tile, stages=stages) for stages in STAGES if capability.copies_ahead),
        replace(tile, cached=not tile.cached),
        *([replace(tile, patch=not tile.patch)] if patch else []),
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
