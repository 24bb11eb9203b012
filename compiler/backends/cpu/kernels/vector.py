"""Explicit vectors in TIR, for kernels that name their instructions and so cannot leave vectorising to TVM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

FENCE = "llvm.arithmetic.fence"


def ramp(base: Any, lanes: int) -> Expr:
    """`lanes` neighbours from `base` on, as an index."""
    return tirx.Ramp(base, 1, lanes)


def broadcast(value: Expr, lanes: int) -> Expr:
    """The scalar in every lane."""
    return tirx.Broadcast(value, lanes)


def in_all_lanes(value: Expr, lanes: int, lane: int | None = None) -> Expr:
    """A scalar, or the given lane of a vector, in all lanes of one; a vector is taken as it is where none is given."""
    if lanes_of(value) == 1:
        return broadcast(value, lanes)
    # TVM shuffles no more lanes than it is given.
    return value if lane is None else tirx.Shuffle([value] * -(-lanes // lanes_of(value)), [lane] * lanes)


def f32s(value: float, lanes: int) -> Expr:
    """A float32 constant in every lane."""
    return broadcast(tirx.const(value, "float32"), lanes)


def lanes_of(value: Expr) -> int:
    """How many lanes the value has."""
    return int(value.ty.dtype.lanes)


def as_type(dtype: str, value: Expr) -> Expr:
    """The same bits under another type."""
    return tirx.reinterpret(dtype, value)


def cast(dtype: str, value: Expr) -> Expr:
    """The value of every lane as `dtype`."""
    return tirx.Cast(f"{dtype}x{lanes_of(value)}", value)


def llvm(ty: Any, name: str, *operands: Expr) -> Expr:
    """An LLVM intrinsic without side effects."""
    return tirx.call_llvm_pure_intrin(ty, name, *operands)


def fence(value: Expr) -> Expr:
    """The value of 32-bit lanes, which LLVM may not take apart to compute it in another order."""
    floats = as_type(f"float32x{lanes_of(value)}", value)
    return as_type(str(value.ty.dtype), llvm(floats.ty, FENCE, floats))


def product(left: Expr, right: Expr) -> Expr:
    """left * right, rounded: never fused into a sum, which would round differently on processors that can."""
    value = left * right
    return llvm(value.ty, FENCE, value)


def load(buffer: Any, *index: Any) -> Expr:
    """An element, or a vector where the last index is a ramp."""
    return tirx.BufferLoad(buffer, list(index))


def prefetch(buffer: Any, *index: Any) -> None:
    """Bring the line of an element into the second level of the cache; it may lie beyond the buffer's end."""
    address = tirx.address_of(load(buffer, *index))
    reading, level_two, data = (tirx.const(value, "int32") for value in (0, 2, 1))
    T.evaluate(tirx.call_llvm_intrin("void", "llvm.prefetch.p0", address, reading, level_two, data))


def across(buffer: Any, row: int, lanes: int, operator: Callable[[Expr, Expr], Expr]) -> Expr:
    """All lanes of a row of a buffer combined, in a balanced tree."""
    values = [buffer[row, lane] for lane in range(lanes)]
    while len(values) > 1:
        values = [operator(one, other) for one, other in zip(values[::2], values[1::2], strict=True)]
    return values[0]


def named(value: Expr) -> Expr:
    """The value, computed here and once."""
    return T.Bind(value)


def bound(value: Expr, body: Callable[[Expr], Expr]) -> Expr:
    """`body` of the value, which is computed once."""
    variable = tirx.Var("v", value.ty)
    return tirx.Let(variable, value, body(variable))
