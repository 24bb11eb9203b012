"""Smooth activations by table: a parabola per segment, picked by a permutation of registers where there is one.

The argument in units of `step` is rounded to the nearest integer, held to -16..15: that picks the segment, and what
rounding took away is the place in it. The outermost segments are the function's asymptotes and reach on for ever.
There is no division and no contraction, so that every processor computes the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray
from tvm import tirx
from tvm.ir import Expr

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

SEGMENTS = 32
LOWEST, HIGHEST = -SEGMENTS // 2, SEGMENTS // 2 - 1
# Added to a small float, it leaves the nearest integer, ties to even, in the low bits.
ROUNDER = float(3 << 22)


@dataclass(frozen=True)
class Curve:
    """A function of one real argument, and the lines that it approaches at both ends: (slope, offset)."""

    function: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    step: float
    left: tuple[float, float]
    right: tuple[float, float]

    def table(self) -> NDArray[np.float32]:
        """Coefficients by power of the place in the segment, -1/2 to 1/2, [3, SEGMENTS]; segment -k is at 32 - k."""
        table = np.zeros((3, SEGMENTS))
        for segment in range(LOWEST + 1, HIGHEST):
            table[:, segment] = self._parabola(segment)
        for segment, (slope, offset) in ((LOWEST, self.left), (HIGHEST, self.right)):
            table[:2, segment] = slope * segment * self.step + offset, slope * self.step
        return table.astype(np.float32)

    def _parabola(self, segment: int) -> NDArray[np.float64]:
        fit = Chebyshev.interpolate(lambda place: self.function((segment + place) * self.step), 2, [-0.5, 0.5])
        return np.asarray(fit.convert(kind=Polynomial).coef)


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x)))


CURVES: dict[str, Curve] = {
    "sigmoid": Curve(_sigmoid, 0.625, (0.0, 0.0), (0.0, 1.0)),
    "tanh": Curve(np.tanh, 0.3125, (0.0, -1.0), (0.0, 1.0)),
    "silu": Curve(lambda x: x * _sigmoid(x), 0.625, (0.0, 0.0), (1.0, 0.0)),
}


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
