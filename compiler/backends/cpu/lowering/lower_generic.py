"""Generic operations on CPUs: functions of ours for what TVM would call libm for, element by element."""

from __future__ import annotations

from typing import Any

from tvm import ir, te, topi

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


LEGALISE = {
    "relax.power": _power,
    "relax.sigmoid": _sigmoid,
    "relax.nn.silu": _silu,
    "relax.exp": _exp,
    "relax.nn.softmax": _softmax,
}
