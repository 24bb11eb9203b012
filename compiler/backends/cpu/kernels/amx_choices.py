"""Which tiles of sums AMX's tile registers may hold, and which of them are worth trying."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import lru_cache
from math import prod
from typing import Any, cast

from zcc.compiler.backends.cpu.kernels.amx_plan import ENDS, FINISHED, OPERANDS, AmxPlan
from zcc.compiler.backends.cpu.kernels.amx_registers import LANES, REGISTERS, WORD, AmxProduct
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice, Sums, worth_trying
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit

MOST_MAPS = 1024  # whose choices are remembered: a network has many of few sizes, in each of its precisions


def beside_vectors(
    geometry: ConvGeometry,
    unit: VectorUnit,
    product: AmxProduct,
    others: Sequence[Any],
    plan: type[AmxPlan] = AmxPlan,
) -> Sequence[Any]:
    """Tiles of tile registers that may be the quickest, and forms in vector units; first those expected to be quicker.

    Where a map has few columns, a product waits for the one before. The `plan` is what cuts the work.
    """
    tiles = amx_choices(geometry, unit, product, plan)
    if not tiles:
        return others
    words = geometry.x.blocks * prod(geometry.kernel) * geometry.x.lanes * product.item // WORD
    least = plan(replace(geometry, tile=tiles[0]), product, unit.threads).cycles()
    quicker = least < product.beside * words + ENDS + FINISHED
    return (*tiles, *others) if quicker else (*others, *tiles)


def amx_choices(
    geometry: ConvGeometry, unit: VectorUnit, product: AmxProduct, plan: type[AmxPlan] = AmxPlan
) -> Sequence[AmxChoice]:
    """Tiles of tile registers that may be quickest of their kind; none where no map fits."""
    out = geometry.out
    if product.dtype not in unit.amx or out.lanes % LANES or geometry.x.lanes * product.item % WORD:
        return ()
    return _choices(replace(geometry, tile=Sums(1, 1)), unit.threads, product, cast(Hashable, plan))


@lru_cache(MOST_MAPS)
def _choices(geometry: ConvGeometry, threads: int, product: AmxProduct, plan: type[AmxPlan]) -> Sequence[AmxChoice]:
    out = geometry.out
    tiles = [
        AmxChoice(blocks, columns, gathered)
        for gathered in plan.ways(geometry, product)
        for blocks in range(1, min(out.blocks, REGISTERS) + 1)
        for columns in range(1, min(out.width, REGISTERS * LANES) + 1)
        if out.blocks % blocks == 0 and _fits(blocks * out.lanes // LANES, columns) and geometry.fits(columns)
    ]
    plans = {tile: plan(replace(geometry, tile=tile), product, threads) for tile in tiles}
    costs = {tile: (cut.cycles(), -tile.blocks * tile.columns) for tile, cut in plans.items()}
    return tuple(worth_trying(costs)) if costs else ()


def _fits(outputs: int, columns: int) -> bool:
    across = -(-columns // LANES)
    return columns % across == 0 and across * outputs + OPERANDS <= REGISTERS
