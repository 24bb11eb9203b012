"""Curves (common/curves.py) on a CPU: a segment is picked by a permutation of registers where there is one.

There is no division and no contraction, so that every processor computes the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.ir import Expr

from zcc.compiler.backends.common.curves import POWERS, SEGMENTS, Curve
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
SIGN = -(1 << 31)
LESS_OF_DISTANCES, CURRENT_ROUNDING = 0b1010, 4  # immediate operands of AVX-512's ranges
EACH_FOUR, BYTES_OF_LANE = 0x04040404, 0x03020100  # where the bytes of a float lie, from its number on


@dataclass(frozen=True)
class Lookup:
    """One way to pick from a row of a table: `hold` readies the row, times a factor if there is one, and `pick` takes
    the entries for a vector of indices, of which only the low bits count.
    """

    hold: Callable[[Any, int, Expr | None], Any]
    pick: Callable[[Any, Expr], Expr]
    near: Callable[[Expr], Expr]  # how far from zero a vector is, and no farther than the last segment


def _holding(lanes: int) -> Callable[[Any, int, Expr | None], Any]:
    """Keep the row in a register, as often as it fits there."""

    def hold(table: Any, row: int, factor: Expr | None) -> Any:
        entries = load(table, row, ramp(0, SEGMENTS))
        if lanes > SEGMENTS:
            entries = tirx.Shuffle([entries] * (lanes // SEGMENTS), list(range(lanes)))
        return named(entries if factor is None else product(entries, factor))

    return hold


def _permutation(name: str) -> Callable[[Any, Expr], Expr]:
    return lambda row, index: llvm(row.ty, name, row, index)


def _pick_from_memory(row: Any, index: Expr) -> Expr:
    table, number, factor = row
    entries = load(table, number, index & broadcast(tirx.const(SEGMENTS - 1, "int32"), lanes_of(index)))
    return entries if factor is None else product(entries, factor)


def _hold_halves(table: Any, row: int, factor: Expr | None) -> Any:
    half = SEGMENTS // 2
    halves = [load(table, row, ramp(first, half)) for first in (0, half)]
    return [named(entries if factor is None else product(entries, factor)) for entries in halves]


def _pick_by_bytes(row: Any, index: Expr) -> Expr:
    """NEON picks bytes from two registers: the four of each lane lie one behind the other."""

    def each(value: int) -> Expr:
        return broadcast(tirx.const(value, "int32"), lanes_of(index))

    places = (index & each(SEGMENTS - 1)) * each(EACH_FOUR) + each(BYTES_OF_LANE)
    halves = [as_type("int8x16", half) for half in row]
    picked = llvm("int8x16", "llvm.aarch64.neon.tbl2", *halves, as_type("int8x16", places))
    return as_type(f"float32x{lanes_of(index)}", picked)


def _near(u: Expr) -> Expr:
    """Floats that are not negative are ordered as their bits are; processors have units for integers that idle here."""
    return _floats(tirx.min(_bits(u) & _ints(~SIGN, u), _bits(f32s(SEGMENTS - 1, lanes_of(u)))))


def _near_at_once(u: Expr) -> Expr:
    """The same in one instruction."""
    less, rounding = (tirx.const(value, "int32") for value in (LESS_OF_DISTANCES, CURRENT_ROUNDING))
    farthest, all_lanes = f32s(SEGMENTS - 1, lanes_of(u)), tirx.const(-1, "int16")
    return llvm(u.ty, "llvm.x86.avx512.mask.range.ps.512", u, farthest, less, u, all_lanes, rounding)


LOOKUPS = {
    16: Lookup(_holding(16), _permutation("llvm.x86.avx512.permvar.sf.512"), _near_at_once),
    8: Lookup(_holding(8), _permutation("llvm.x86.avx2.permps"), _near),
}
NEON_LOOKUP = Lookup(_hold_halves, _pick_by_bytes, _near)
PLAIN_LOOKUP = Lookup(lambda table, row, factor: (table, row, factor), _pick_from_memory, _near)


def find_lookup(unit: VectorUnit) -> Lookup:
    """The quickest lookup for the unit."""
    if unit.by_lane:
        return NEON_LOOKUP
    return LOOKUPS.get(unit.lanes, PLAIN_LOOKUP) if unit.dot in X86_DOTS else PLAIN_LOOKUP


class HeldCurve:
    """A curve whose table and constants are loaded, times `factor` if there is one."""

    def __init__(self, curve: Curve, table: Any, unit: VectorUnit, factor: Expr | None) -> None:
        self.curve = curve
        self.lookup = find_lookup(unit)
        self.rows = [self.lookup.hold(table, power, factor) for power in range(POWERS)]
        slope, offset = (f32s(value, unit.lanes) for value in (curve.slope * curve.step, curve.offset))
        self.slope, self.offset = ((each if factor is None else product(each, factor)) for each in (slope, offset))

    def at(self, u: Expr) -> Expr:
        """The curve at `u` steps."""
        rounder = f32s(ROUNDER, lanes_of(u))

        def part(distance: Expr) -> Expr:
            return self._cubic(distance, _bits(distance + rounder))

        return bound(u, lambda u: self._with_line(u, bound(self.lookup.near(u), part)))

    def _cubic(self, distance: Expr, segment: Expr) -> Expr:
        return bound(segment, lambda segment: self._sum_up(distance, segment))

    def _sum_up(self, distance: Expr, segment: Expr) -> Expr:
        total, *others = [self.lookup.pick(row, segment) for row in reversed(self.rows)]
        for coefficient in others:
            total = coefficient + product(distance, total)
        return total

    def _with_line(self, u: Expr, part: Expr) -> Expr:
        if self.curve.odd:
            part = _floats(_bits(part) ^ (_bits(u) & _ints(SIGN, u)))
        if self.curve.slope:
            part = part + product(_floats(tirx.max(_bits(u), _ints(0, u))), self.slope)
        return part + self.offset if self.curve.offset else part


def _bits(floats: Expr) -> Expr:
    return as_type(f"int32x{lanes_of(floats)}", floats)


def _floats(bits: Expr) -> Expr:
    return as_type(f"float32x{lanes_of(bits)}", bits)


def _ints(value: int, like: Expr) -> Expr:
    return broadcast(tirx.const(value, "int32"), lanes_of(like))
