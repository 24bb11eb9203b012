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
    Array,
    Channelwise,
    Combine,
    Concat,
    Conv,
    Generic,
    MaxPool,
    Network,
    Op,
    Pointwise,
    Resize,
    Slice,
    Stage,
    Tensor,
)


def read_network(mod: ir.IRModule) -> Network:
    """The network that `main` of a Relax module computes."""
    return _Reader(mod["main"]).read()


class _Reader:
    def __init__(self, function: Any) -> None:
        self.function = function
        self.tensors: dict[Any, Tensor] = {}
        self.constants: dict[Any, Array] = {}
        self.tuples: dict[Any, list[Any]] = {}
        self.ops: list[Op] = []
        self.maps: set[Tensor] = set()  # tensors that live channel-packed

    def read(self) -> Network:
        (image_var,) = self.function.params
        image = self.tensor(image_var)
        for block in self.function.body.blocks:
            for binding in block.bindings:
                self.bind(binding.var, binding.value)
        result = self.function.body.body
        output, *maps = (self.tensors[var] for var in self.tuples.get(result, [result]))
        return Network(image, self.ops, output, maps)

    def bind(self, var: Any, value: Any) -> None:
        if isinstance(value, relax.TupleGetItem):
            value = self.tuples[value.tuple_value][value.index]
        if isinstance(value, relax.Tuple):
            self.tuples[var] = list(value.fields)
            return
        if isinstance(value, ir.Var) and value in self.tensors:
            self.tensors[var] = self.tensors[value]
            return
        folded = self.fold(value)
        if folded is not None:
            self.constants[var] = folded
            return
        out = self.tensor(var)
        reader = READERS.get(value.op.name) if isinstance(value.op, ir.Op) else None
        op = reader(self, value, out) if reader else None
        if op is None:
            op = self.generic(value, out)
        else:
            self.maps.add(out)
        self.ops.append(op)

    def tensor(self, var: Any) -> Tensor:
        """The tensor that a Relax variable stands for."""
        if var not in self.tensors:
            shape = tuple(int(extent) for extent in var.ty.shape.values)
            self.tensors[var] = Tensor(var.name, shape, str(var.ty.dtype))
        return self.tensors[var]

    def constant(self, expr: Any) -> Array | None:
        """The value of a constant expression, None for anything else."""
        if isinstance(expr, ir.GenericConst):
            return np.asarray(expr.value.numpy())
        return self.constants.get(expr)

    def fold(self, value: Any) -> Array | None:
        """Constants that only change shape, as biases do, stay constants."""
        if isinstance(value, ir.GenericConst):
            return self.constant(value)
        if isinstance(value, ir.Call) and isinstance(value.op, ir.Op) and value.op.name == "relax.reshape":
            constant = self.constant(value.args[0])
            if constant is not None:
                return constant.reshape([int(extent) for extent in value.args[1].values])
        return None

    def generic(self, call: Any, out: Tensor) -> Generic:
        """The call as TVM will lower it."""
        free = relax.analysis.free_vars(call)
        variables = [var for var in free if var in self.tensors]
        constants = {var: self.constants[var] for var in free if var in self.constants}
        return Generic(out, [self.tensors[var] for var in variables], call, variables, constants)

    def map_of(self, expr: Any) -> Tensor | None:
        """The tensor of `expr` when it lives channel-packed."""
        tensor = self.tensors.get(expr)
        return tensor if tensor in self.maps else None


def _pair(values: Any) -> tuple[int, int]:
    first, second = (int(value) for value in values)
    return first, second


def _borders(values: Any) -> tuple[int, int, int, int]:
    sides = [int(value) for value in values]
    top, left, bottom, right = sides if len(sides) == 4 else [*sides, *sides]
    return top, left, bottom, right


def _conv(reader: _Reader, call: Any, out: Tensor) -> Op | None:
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


def _max_pool(reader: _Reader, call: Any, out: Tensor) -> Op | None:
    x, attrs = reader.map_of(call.args[0]), call.attrs
    if x is None or attrs.ceil_mode or _pair(attrs.dilation) != (1, 1):
        return None
    top, left, _, _ = _borders(attrs.padding)
    return MaxPool(out, x, _pair(attrs.pool_size), _pair(attrs.strides), (top, left))


def _resize(reader: _Reader, call: Any, out: Tensor) -> Op | None:
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


def _concat(reader: _Reader, call: Any, out: Tensor) -> Op | None:
    if not isinstance(call.args[0], ir.Tuple | relax.Tuple) or int(call.attrs.axis) not in (1, -3):
        return None
    parts = [reader.map_of(field) for field in call.args[0].fields]
    known = [part for part in parts if part is not None]
    return Concat(out, known) if len(known) == len(parts) and out.is_map else None


def _slice(reader: _Reader, call: Any, out: Tensor) -> Op | None:
    x = reader.map_of(call.args[0])
    if x is None:
        return None
    axes, begins, _, *rest = ([int(value) for value in argument.fields] for argument in call.args[1:])
    strides = rest[0] if rest else [1]
    if axes not in ([1], [-3]) or strides != [1]:
        return None
    begin = begins[0] + (x.shape[1] if begins[0] < 0 else 0)
    return Slice(out, x, begin)


def _activation(name: str, *attributes: str) -> Callable[[_Reader, Any, Tensor], Op | None]:
    def read(reader: _Reader, call: Any, out: Tensor) -> Op | None:
        x = reader.map_of(call.args[0])
        parameters = tuple(float(getattr(call.attrs, attribute)) for attribute in attributes)
        return Pointwise(out, x, [Activation(name, parameters)]) if x is not None else None

    return read


def _clip(reader: _Reader, call: Any, out: Tensor) -> Op | None:
    x = reader.map_of(call.args[0])
    if x is None:
        return None
    low, high = (float(bound.value) for bound in call.args[1:])
    return Pointwise(out, x, [Activation("clip", (low, high))])


def _binary(operator: str) -> Callable[[_Reader, Any, Tensor], Op | None]:
    def read(reader: _Reader, call: Any, out: Tensor) -> Op | None:
        left, right = call.args
        if operator != "subtract" and reader.constant(left) is not None:
            left, right = right, left
        x = reader.map_of(left)
        stage = _operand(reader, operator, right, out)
        if x is None or stage is None or x.shape != out.shape:
            return None
        return Pointwise(out, x, [stage])

    return read


def _operand(reader: _Reader, operator: str, expr: Any, out: Tensor) -> Stage | None:
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


READERS: dict[str, Callable[[_Reader, Any, Tensor], Op | None]] = {
    "relax.nn.conv2d": _conv,
    "relax.nn.max_pool2d": _max_pool,
    "relax.image.resize2d": _resize,
    "relax.concat": _concat,
    "relax.strided_slice": _slice,
    "relax.sigmoid": _activation("sigmoid"),
    "relax.nn.silu": _activation("silu"),
    "relax.nn.relu": _activation("relu"),
    "relax.nn.leakyrelu": _activation("leaky_relu", "alpha"),
    "relax.clip": _clip,
    "relax.add": _binary("add"),
    "relax.subtract": _binary("subtract"),
    "relax.multiply": _binary("multiply"),
}
