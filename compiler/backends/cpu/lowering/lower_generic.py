"""Generic operations on CPUs: functions of ours for what TVM would call libm for, element by element."""

from __future__ import annotations

from typing import Any

from tvm import ir, te, tirx, topi

from zcc.compiler.backends.common.generic import lower_regions
from zcc.compiler.backends.cpu.kernels import activation
from zcc.compiler.ir.ops import Network


def lower_generic(network: Network) -> Network:
    """Replace every region of generic operations by the functions that TVM makes of it."""
    return lower_regions(network, LEGALISE)


def _sigmoid(builder: Any, call: Any) -> Any:
    return builder.call_te(_elementwise(activation.sigmoid), call.args[0], primfunc_name_hint="sigmoid")


def _silu(builder: Any, call: Any) -> Any:
    return builder.call_te(_elementwise(activation.silu), call.args[0], primfunc_name_hint="silu")


def _exp(builder: Any, call: Any) -> Any:
    return builder.call_te(_elementwise(activation.exp), call.args[0], primfunc_name_hint="exp")


def _elementwise(function: Any) -> Any:
    return lambda x: te.compute(x.shape, lambda *index: function(x(*index)), name="compute")


def _softmax(builder: Any, call: Any) -> Any:
    axis = int(call.attrs.axis)

    def softmax(x: Any) -> Any:
        highest = topi.max(x, axis, keepdims=True)
        powers = _elementwise(activation.exp)(topi.subtract(x, highest))
        return topi.divide(powers, topi.sum(powers, axis, keepdims=True))

    return builder.call_te(softmax, call.args[0], primfunc_name_hint="softmax")


def _power(builder: Any, call: Any) -> Any:
    base, exponent = call.args
    squared = isinstance(exponent, ir.GenericConst) and exponent.value.numpy().size == 1 and exponent.value.numpy() == 2
    return builder.call_te(topi.multiply, base, base) if squared else builder.call_te(topi.power, base, exponent)


def _topk(builder: Any, call: Any) -> Any:
    """By rank: how many values stand before each. Sorting would want a function of the host's.

    The values are those of one row, their axis the last.
    """
    largest, wanted, count = bool(call.attrs.largest), str(call.attrs.ret_type), int(call.attrs.k)

    def topk(x: Any) -> Any:
        *rows, size = x.shape

        def at(index: Any) -> Any:
            return x(*(0 for _ in rows), index)

        def stands_before(one: Any, other: Any) -> Any:
            better = at(one) > at(other) if largest else at(one) < at(other)
            return tirx.any(better, tirx.all(at(one) == at(other), one < other))

        rival, place = te.reduce_axis((0, size), "rival"), te.reduce_axis((0, size), "place")
        ranks = te.compute((size,), lambda i: te.sum(stands_before(rival, i).astype("int32"), axis=rival), name="ranks")
        kind = str(x.dtype if wanted == "values" else call.attrs.dtype)
        told, none = (at(place) if wanted == "values" else place).astype(kind), tirx.const(0, kind)
        return te.compute(
            (*rows, count),
            lambda *out: te.sum(tirx.Select(ranks[place] == out[-1], told, none), axis=place),
            name="topk",
        )

    return builder.call_te(topk, call.args[0], primfunc_name_hint="topk")


LEGALISE = {
    "relax.topk": _topk,
    "relax.power": _power,
    "relax.sigmoid": _sigmoid,
    "relax.nn.silu": _silu,
    "relax.exp": _exp,
    "relax.nn.softmax": _softmax,
}
