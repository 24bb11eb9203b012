"""Relax -> Network: each Relax operator that has a kernel of ours is read by one entry of READERS.

A reader gets a call and says what it is, or None when this use of the operator is beyond our kernels; such calls
become `Generic` and are lowered by TVM.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tvm import ir, relax

from zcc.compiler.network.ops import (
    Activation,
    Channelwise,
    Combine,
    Concat,
    Conv,
    MaxPool,
    Network,
    Op,
    Pointwise,
    Resize,
    Slice,
    Stage,
    Tensor,
)
from zcc.compiler.network.read_attention import read_regrouping
from zcc.compiler.network.reader import Reader


def read_network(mod: ir.IRModule) -> Network:
    """The network that `main` of a Relax module computes."""
    return Reader(mod["main"], READERS).read()


def _pair(values: Any) -> tuple[int, int]:
    first, second = (int(value) for value in values)
    return first, second


def _borders(values: Any) -> tuple[int, int, int, int]:
    sides = [int(value) for value in values]
    top, left, bottom, right = sides if len(sides) == 4 else [*sides, *sides]
    return top, left, bottom, right


def _conv(reader: Reader, call: Any, out: Tensor) -> Op | None:
    x, weight = reader.tensors.get(call.args[0]), reader.constant(call.args[1])
    attrs = call.attrs
    if x is None or weight is None or not x.is_map or attrs.data_layout != "NCHW" or x.dtype != "float32":
        return None
    groups, channels = int(attrs.groups), weight.shape[0]
    # A map with a single channel would leave all other lanes empty, and groups would not fill their blocks:
    # plain loops do no worse.
    if channels == 1 or (groups > 1 and not groups == channels == x.shape[1]):
        return None
    bias = np.zeros(weight.shape[0], "float32")
    strides, dilation = _pair(attrs.strides), _pair(attrs.dilation)
    return Conv(out, x, weight, bias, strides, _borders(attrs.padding), dilation, groups)


def _max_pool(reader: Reader, call: Any, out: Tensor) -> Op | None:
    x, attrs = reader.map_of(call.args[0]), call.attrs
    if x is None or attrs.ceil_mode or _pair(attrs.dilation) != (1, 1):
        return None
    top, left, _, _ = _borders(attrs.padding)
    return MaxPool(out, x, _pair(attrs.pool_size), _pair(attrs.strides), (top, left))


def _resize(reader: Reader, call: Any, out: Tensor) -> Op | None:
    x, attrs = reader.map_of(call.args[0]), call.attrs
    if x is None or attrs.method != "nearest_neighbor" or attrs.layout != "NCHW":
        return None
    factors = [out.shape[axis] // x.shape[axis] for axis in (2, 3)]
    whole = all(
        x.shape[axis] * factor == out.shape[axis] for axis, factor in zip((2, 3), factors, strict=True)
    )
    # With whole factors, these two ways of rounding give every source pixel `factor` copies.
    rounding = (attrs.coordinate_transformation_mode, attrs.rounding_method)
    copies = rounding == ("asymmetric", "floor") or rounding[0] == "half_pixel"
    return Resize(out, x, (factors[0], factors[1])) if whole and copies else None


def _concat(reader: Reader, call: Any, out: Tensor) -> Op | None:
    if not isinstance(call.args[0], ir.Tuple | relax.Tuple) or int(call.attrs.axis) not in (1, -3):
        return None
    parts = [reader.map_of(field) for field in call.args[0].fields]
    known = [part for part in parts if part is not None]
    return Concat(out, known) if len(known) == len(parts) and out.is_map else None


def _slice(reader: Reader, call: Any, out: Tensor) -> Op | None:
    x = reader.map_of(call.args[0])
    if x is None:
        return None
    axes, begins, _, *rest = ([int(value) for value in argument.fields] for argument in call.args[1:])
    strides = rest[0] if rest else [1]
    if axes not in ([1], [-3]) or strides != [1]:
        return None
    begin = begins[0] + (x.shape[1] if begins[0] < 0 else 0)
    return Slice(out, x, begin)


def _activation(name: str, *attributes: str) -> Callable[[Reader, Any, Tensor], Op | None]:
    def read(reader: Reader, call: Any, out: Tensor) -> Op | None:
        x = reader.map_of(call.args[0])
        parameters = tuple(float(getattr(call.attrs, attribute)) for attribute in attributes)
        return Pointwise(out, x, [Activation(name, parameters)]) if x is not None else None

    return read


def _clip(reader: Reader, call: Any, out: Tensor) -> Op | None:
    x = reader.map_of(call.args[0])
    if x is None:
        return None
    low, high = (float(bound.value) for bound in call.args[1:])
    return Pointwise(out, x, [Activation("clip", (low, high))])


def _binary(operator: str) -> Callable[[Reader, Any, Tensor], Op | None]:
    def read(reader: Reader, call: Any, out: Tensor) -> Op | None:
        left, right = call.args
        if operator != "subtract" and reader.constant(left) is not None:
            left, right = right, left
        x = reader.map_of(left)
        stage = _operand(reader, operator, right, out)
        if x is None or stage is None or x.shape != out.shape:
            return None
        return Pointwise(out, x, [stage])

    return read


def _operand(reader: Reader, operator: str, expr: Any, out: Tensor) -> Stage | None:
    constant = reader.constant(expr)
    if constant is None:
        other = reader.map_of(expr)
        return Combine(operator, other) if other is not None and other.shape == out.shape else None
    channels = out.shape[1]
    per_channel = (
        constant.reshape((1,) * (4 - constant.ndim) + constant.shape) if constant.ndim <= 4 else constant
    )
    if per_channel.shape not in ((1, channels, 1, 1), (1, 1, 1, 1)) or operator == "subtract":
        return None
    return Channelwise(operator, np.broadcast_to(per_channel.reshape(-1), (channels,)).astype("float32"))


READERS: dict[str, Callable[[Reader, Any, Tensor], Op | None]] = {
    "relax.nn.conv2d": _conv,
    "relax.nn.max_pool2d": _max_pool,
    "relax.image.resize2d": _resize,
    "relax.concat": _concat,
    "relax.strided_slice": _slice,
    "relax.reshape": read_regrouping,
    "relax.sigmoid": _activation("sigmoid"),
    "relax.nn.silu": _activation("silu"),
    "relax.nn.relu": _activation("relu"),
    "relax.nn.leakyrelu": _activation("leaky_relu", "alpha"),
    "relax.clip": _clip,
    "relax.add": _binary("add"),
    "relax.subtract": _binary("subtract"),
    "relax.multiply": _binary("multiply"),
}
