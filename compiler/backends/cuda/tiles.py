"""Which tile a convolution is computed in: the one on record for it, or that of the measured one most like it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import log

from zcc.compiler.backends.cuda.kernels.conv_mma import ConvMma, Tile
from zcc.compiler.backends.cuda.kernels.kernel_source import KernelSpec
from zcc.compiler.backends.cuda.measured_tiles import MEASURED, MEASURED_BYTES
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.backends.cuda.tile_records import Product, TileRecords, product_of

Choose = Callable[[Product], Tile]
FEWEST_STAGES = 2  # one is multiplied while the next arrives


def tile_chooser(capability: Capability, records: TileRecords | None = None) -> Choose:
    """A rule for cards of that capability."""

    def choose(product: Product) -> Tile:
        default = default_tile(capability, product)
        return fitted(capability, (records and records.best(product, default)) or default)

    return choose


def known_better(capability: Capability, records: TileRecords, spec: KernelSpec) -> bool:
    """Whether a kernel is a convolution whose tile is one on record."""
    if not isinstance(spec, ConvMma):
        return False
    product = product_of(spec)
    return records.best(product, default_tile(capability, product)) is not None


def default_tile(capability: Capability, product: Product) -> Tile:
    """The tile where nothing is on record."""
    table = {**MEASURED, **MEASURED_BYTES} if product.bytes == 1 else MEASURED
    wanted = (product.pixels, product.outputs, product.products * product.bytes)
    tile = table[min(table, key=lambda known: _distance(known, wanted))]
    steps = -(-product.products * product.bytes // tile.row)
    return fitted(capability, replace(tile, split=min(tile.split, max(1, steps // 2))))


def fitted(capability: Capability, tile: Tile) -> Tile:
    """The tile with as many stages as there is room for, and with the overlap that the cards know."""
    if not capability.copies_ahead:
        return replace(tile, stages=FEWEST_STAGES)
    room = capability.shared_bytes // (tile.shared_bytes // tile.stages)
    overlap = 1 if capability.overlaps else 0
    return replace(tile, stages=max(FEWEST_STAGES, min(tile.stages, room)), early=overlap)


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    return sum(log(a / b) ** 2 for a, b in zip(one, other, strict=True))
