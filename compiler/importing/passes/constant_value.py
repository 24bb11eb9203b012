"""The value of an index expression that an importer left unfolded around constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import ir, relax, tirx

from zcc.compiler.importing.passes.static_slice import read_slice, static_shape

Array = NDArray[Any]
Lookup = Callable[[Any], Any]  # a variable's bound expression, or None


def constant_value(expr: Any, lookup: Lookup) -> Array | None:
    """What `expr` evaluates to whatever the inputs are, or None when that depends on them."""
    if isinstance(expr, ir.GenericConst):
        return np.asarray(expr.value.numpy())
    if isinstance(expr, relax.ShapeExpr):
        return _integers(expr.values)
    if isinstance(expr, ir.Var):
        bound = lookup(expr)
        return None if bound is None else constant_value(bound, lookup)
    if not isinstance(expr, relax.Call) or not isinstance(expr.op, ir.Op):
        return None
    evaluate = EVALUATORS.get(expr.op.name)
    return None if evaluate is None else evaluate(expr, lookup)


def _integers(values: Any) -> Array | None:
    if all(isinstance(value, int | tirx.IntImm) for value in values):
        return np.array([int(value) for value in values], np.int64)
    return None


def _shape_of(call: Any, lookup: Lookup) -> Array | None:
    shape = static_shape(call.args[0])
    return None if shape is None else np.array(shape, np.int64)


def _strided_slice(call: Any, lookup: Lookup) -> Array | None:
    cut, value = read_slice(call), constant_value(call.args[0], lookup)
    if cut is None or value is None:
        return None
    return value[(slice(None),) * cut.axis + (slice(cut.begin, cut.end),)]


def _elementwise(function: Callable[..., Any]) -> Callable[[Any, Lookup], Array | None]:
    def evaluate(call: Any, lookup: Lookup) -> Array | None:
        values = [constant_value(arg, lookup) for arg in call.args]
        return None if any(value is None for value in values) else np.asarray(function(*values))

    return evaluate


EVALUATORS: dict[str, Callable[[Any, Lookup], Array | None]] = {
    "relax.shape_of": _shape_of,
    "relax.shape_to_tensor": lambda call, lookup: constant_value(call.args[0], lookup),
    "relax.strided_slice": _strided_slice,
    "relax.add": _elementwise(np.add),
    "relax.isnan": _elementwise(np.isnan),
    "relax.less": _elementwise(np.less),
    "relax.where": _elementwise(np.where),
}
