"""Numbers as maps store them: floats of 32 bits as they are, others narrowed when they are stored."""

from __future__ import annotations

from typing import Any

from tvm import tirx
from tvm.ir import Expr

from zcc.compiler.ir.tensors import BFLOAT16, FLOAT16

SHIFT = 16  # bits of a float that bfloat16 has no room for


def as_float(value: Expr, dtype: str) -> Expr:
    """A stored number as a float32, exactly."""
    if dtype == FLOAT16:
        return tirx.Cast("float32", value)
    if dtype == BFLOAT16:
        return tirx.reinterpret("float32", tirx.shift_left(tirx.Cast("uint32", value), _bits(SHIFT)))
    return value


def as_stored(value: Expr, dtype: str) -> Expr:
    """The stored number nearest to a float32, ties to even."""
    if dtype == FLOAT16:
        return tirx.Cast(FLOAT16, value)
    if dtype == BFLOAT16:
        bits = tirx.reinterpret("uint32", value)
        half = _bits((1 << SHIFT - 1) - 1) + (tirx.shift_right(bits, _bits(SHIFT)) & _bits(1))
        return tirx.Cast(BFLOAT16, tirx.shift_right(bits + half, _bits(SHIFT)))
    return value


def _bits(value: int) -> Any:
    return tirx.const(value, "uint32")
