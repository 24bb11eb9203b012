"""Slices of one axis with bounds that are known: how they are read, and how they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm import relax, tirx

from zcc.compiler.importing.passes.rewriting import is_call


@dataclass(frozen=True)
class Cut:
    """`data[begin:end]` along an axis, both bounds within it."""

    data: Any
    axis: int
    begin: int
    end: int


def static_shape(expr: Any) -> tuple[int, ...] | None:
    """The shape of a tensor expression when all of it is known."""
    shape = getattr(expr.ty, "shape", None)
    values = getattr(shape, "values", None)
    if values is None or not all(isinstance(value, int | tirx.IntImm) for value in values):
        return None
    return tuple(int(value) for value in values)


def read_slice(call: Any) -> Cut | None:
    """The cut that a `strided_slice` of one axis makes; None when it is more than that."""
    if not is_call(call, "relax.strided_slice"):
        return None
    data, *bounds = call.args
    shape = static_shape(data)
    numbers = [_numbers(bound) for bound in bounds]
    if shape is None or any(found is None or len(found) != 1 for found in numbers):
        return None
    axis, begin, end, *step = (found[0] for found in numbers if found is not None)
    if step not in ([], [1]):
        return None
    axis %= len(shape)
    begin, end, _ = slice(begin, end).indices(shape[axis])
    return Cut(data, axis, begin, end) if begin < end else None


def _numbers(bound: Any) -> list[int] | None:
    fields = getattr(bound, "fields", None)
    if fields is None:
        return None
    values = [getattr(field, "value", None) for field in fields]
    return [int(value) for value in values if value is not None] if None not in values else None


def make_slice(cut: Cut) -> Any:
    """The expression of a cut; its data where the cut takes all of them."""
    shape = static_shape(cut.data)
    if shape is not None and (cut.begin, cut.end) == (0, shape[cut.axis]):
        return cut.data
    return relax.op.strided_slice(cut.data, [cut.axis], [cut.begin], [cut.end])
