"""Curves (common/curves.py) on a CPU: a segment is picked by a permutation of registers where there is one.

There is no division and no contraction, so that every processor computes the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.ir import Expr

from zcc.compiler.backends.common.curves import HIGHEST, LOWEST, SEGMENTS
from zcc.compiler.backends.cpu.kernels.byte_dot import X86_DOTS
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.vector import (
    as_type,
    bound,
    broadcast,
    f32s,
    lanes_of,
    llvm,
    load,
    named,
    product,
    ramp,
)

# Added to a small float, it leaves the nearest integer, ties to even, in the low bits.
ROUNDER = float(3 << 22)


@dataclass(frozen=True)
class Lookup:
    """One way to pick from a row of a table: `hold` readies the row, times a factor if there is one, and `pick` takes
    the entries for a vector of indices, of which only the low five bits count.
    """

    hold: Callable[[Any, int, Expr | None], Sequence[Any]]
    pick: Callable[[Sequence[Any], Expr], Expr]


def _holding(lanes: int) -> Callable[[Any, int, Expr | None], Sequence[Any]]:
    """Keep the row in registers."""

    def hold(table: Any, row: int, factor: Expr | None) -> Sequence[Any]:
        parts = [load(table, row, ramp(start, lanes)) for start in range(0, SEGMENTS, lanes)]
        return [named(part if factor is None else product(part, factor)) for part in parts]

    return hold


def _pick_of_two(row: Sequence[Any], index: Expr) -> Expr:
    return llvm(row[0].ty, "llvm.x86.avx512.vpermi2var.ps.512", row[0], index, row[1])


def _pick_of_four(row: Sequence[Any], index: Expr) -> Expr:
    """Bits 3 and 4 of the index choose among the four registers, as signs."""
    entries = [llvm(part.ty, "llvm.x86.avx2.permps", part, index) for part in row]

    def choose(low: Expr, high: Expr, bit: int) -> Expr:
        shift = broadcast(tirx.const(31 - bit, "int32"), 8)
        sign = as_type("float32x8", tirx.shift_left(index, shift))
        return llvm(low.ty, "llvm.x86.avx.blendv.ps.256", low, high, sign)

    return choose(choose(entries[0], entries[1], 3), choose(entries[2], entries[3], 3), 4)


def _pick_from_memory(row: Sequence[Any], index: Expr) -> Expr:
    table, number, factor = row
    entries = load(table, number, index & broadcast(tirx.const(SEGMENTS - 1, "int32"), lanes_of(index)))
    return entries if factor is None else product(entries, factor)


LOOKUPS = {16: Lookup(_holding(16), _pick_of_two), 8: Lookup(_holding(8), _pick_of_four)}
PLAIN_LOOKUP = Lookup(lambda table, row, factor: (table, row, factor), _pick_from_memory)


def find_lookup(unit: VectorUnit) -> Lookup:
    """The quickest lookup for the unit."""
    return LOOKUPS.get(unit.lanes, PLAIN_LOOKUP) if unit.dot in X86_DOTS else PLAIN_LOOKUP


def _held(u: Expr) -> Expr:
    """u held to LOWEST..HIGHEST: floats are ordered as their bits are, the negative ones as unsigned bits downwards.

    Processors have other units for integers, which are idle here.
    """
    lanes = lanes_of(u)
    below = tirx.min(as_type(f"int32x{lanes}", u), as_type(f"int32x{lanes}", f32s(HIGHEST, lanes)))
    above = tirx.min(as_type(f"uint32x{lanes}", below), as_type(f"uint32x{lanes}", f32s(LOWEST, lanes)))
    return as_type(f"float32x{lanes}", above)


def on_curve(u: Expr, rows: Sequence[Sequence[Any]], lookup: Lookup) -> Expr:
    """The curve at `u` steps; `rows` are the held rows of its table."""
    lanes = lanes_of(u)
    rounder = f32s(ROUNDER, lanes)

    def segment(u: Expr) -> Expr:
        held = _held(u)
        return bound(held + rounder, lambda whole: parabola(u - (whole - rounder), as_type(f"int32x{lanes}", whole)))

    def parabola(place: Expr, index: Expr) -> Expr:
        constant, slope, bend = (lookup.pick(row, index) for row in rows)
        return bound(place, lambda p: constant + product(p, slope + product(p, bend)))

    return bound(u, segment)
