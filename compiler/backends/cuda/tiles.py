"""Which tile a convolution is computed in: that of the measured convolution that is most like it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import log

from zcc.compiler.backends.cuda.kernels.conv_mma import Tile
from zcc.compiler.backends.cuda.measured_tiles import MEASURED, MEASURED_BYTES
from zcc.compiler.backends.cuda.targets import Capability

Choose = Callable[[int, int, int, int], Tile]
FEWEST_STAGES = 2


def tile_chooser(capability: Capability) -> Choose:
    """A rule for cards of that capability: (pixels, outputs, products of an output, bytes of a factor) -> tile."""

    def choose(pixels: int, outputs: int, products: int, size: int) -> Tile:
        table = {**MEASURED, **MEASURED_BYTES} if size == 1 else MEASURED
        wanted = (pixels, outputs, products * size)
        tile = table[min(table, key=lambda known: _distance(known, wanted))]
        steps = -(-products * size // tile.row)
        tile = replace(tile, split=min(tile.split, max(1, steps // 2)))
        if not capability.copies_ahead:
            return replace(tile, stages=FEWEST_STAGES)
        room = capability.shared_bytes // (tile.shared_bytes // tile.stages)
        overlap = 1 if capability.clusters else 0  # programmatic edges came with the same cards
        return replace(tile, stages=max(FEWEST_STAGES, min(tile.stages, room)), early=overlap)

    return choose


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    return sum(log(a / b) ** 2 for a, b in zip(one, other, strict=True))
