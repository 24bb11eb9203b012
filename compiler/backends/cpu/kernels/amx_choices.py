"""Which tiles of sums AMX's tile registers may hold, and which of them are worth trying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import prod
from typing import Any

from zcc.compiler.backends.cpu.kernels.amx_plan import ENDS, FINISHED, OPERANDS, AmxPlan
from zcc.compiler.backends.cpu.kernels.amx_registers import LANES, REGISTERS, WORD, AmxProduct
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice, Sums, worth_trying
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.split_plan import SplitPlan

MOST_MAPS = 1024  # whose choices are remembered: a network has many of few sizes, in each of its precisions


def beside_vectors(
    geometry: ConvGeometry, unit: VectorUnit, product: AmxProduct, others: Sequence[Any]
) -> Sequence[Any]:
    """Tiles of tile registers that may be the quickest, and forms in vector units; first those expected to be quicker.

    Where a map has few columns, a product waits for the one before.
    """
    tiles = amx_choices(geometry, unit, product)
    if not tiles:
        return others
    words = geometry.x.blocks * prod(geometry.kernel) * geometry.x.lanes * product.item // WORD
    least = _plan_of(replace(geometry, tile=tiles[0]), product, unit.threads).cycles()
    quicker = least < product.beside * words + ENDS + FINISHED
    return (*tiles, *others) if quicker else (*others, *tiles)


def amx_choices(geometry: ConvGeometry, unit: VectorUnit, product: AmxProduct) -> Sequence[AmxChoice]:
    """Tiles of tile registers that may be quickest of their kind; none where no map fits."""
    out = geometry.out
    if product.dtype not in unit.amx or out.lanes % LANES or geometry.x.lanes * product.item % WORD:
        return ()
    return _choices(replace(geometry, tile=Sums(1, 1)), unit.threads, product)


@lru_cache(MOST_MAPS)
def _choices(geometry: ConvGeometry, threads: int, product: AmxProduct) -> Sequence[AmxChoice]:
    out = geometry.out
    tiles = [
        AmxChoice(blocks, columns, gathered)
        for gathered in _kind(product).ways(geometry, product)
        for blocks in range(1, min(out.blocks, REGISTERS) + 1)
        for columns in range(1, min(out.width, REGISTERS * LANES) + 1)
        if out.blocks % blocks == 0 and _fits(blocks * out.lanes // LANES, columns) and geometry.fits(columns)
    ]
    plans = {tile: _plan_of(replace(geometry, tile=tile), product, threads) for tile in tiles}
    costs = {tile: (cut.cycles(), -tile.blocks * tile.columns) for tile, cut in plans.items()}
    return tuple(worth_trying(costs)) if costs else ()


def _kind(product: AmxProduct) -> type[AmxPlan]:
    """What cuts the work: numbers in pieces have panels, and are always copied."""
    return SplitPlan if product.parts > 1 else AmxPlan


def _plan_of(geometry: ConvGeometry, product: AmxProduct, threads: int) -> AmxPlan:
    return _kind(product)(geometry, product, threads)


def _fits(outputs: int, columns: int) -> bool:
    across = -(-columns // LANES)
    return columns % across == 0 and across * outputs + OPERANDS <= REGISTERS
