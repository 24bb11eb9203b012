"""Which tile a convolution is computed in: that of the measured convolution that is most like it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import log

from zcc.compiler.backends.cuda.kernels.conv_mma import Tile
from zcc.compiler.backends.cuda.measured_tiles import MEASURED
from zcc.compiler.backends.cuda.targets import Capability

Choose = Callable[[int, int, int], Tile]
FEWEST_STAGES = 2


def tile_chooser(capability: Capability) -> Choose:
    """A rule for cards of that capability: (pixels, outputs, bytes of what an output is made of) -> tile."""

    def choose(pixels: int, outputs: int, depth: int) -> Tile:
        tile = MEASURED[min(MEASURED, key=lambda known: _distance(known, (pixels, outputs, depth)))]
        steps = -(-depth // tile.row)
        tile = replace(tile, split=min(tile.split, max(1, steps // 2)))
        if not capability.copies_ahead:
            return replace(tile, stages=FEWEST_STAGES)
        room = capability.shared_bytes // (tile.shared_bytes // tile.stages)
        overlap = 1 if capability.clusters else 0  # programmatic edges came with the same cards
        return replace(tile, stages=max(FEWEST_STAGES, min(tile.stages, room)), early=overlap)

    return choose


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    return sum(log(a / b) ** 2 for a, b in zip(one, other, strict=True))
