"""Elementwise operators: activations, arithmetic with constants, and with other maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zcc.compiler.importing.reader import Reader
from zcc.compiler.ir.ops import Op, Pointwise
from zcc.compiler.ir.tensors import Activation, Array, Channelwise, Combine, Stage, Tensor

Read = Callable[[Reader, Any, Tensor], Op | None]


def activation(name: str, *attributes: str) -> Read:
    """A reader of the activation of that name, whose parameters are attributes of the call."""

    def read(reader: Reader, call: Any, out: Tensor) -> Op | None:
        x = reader.map_of(call.args[0])
        parameters = tuple(float(getattr(call.attrs, attribute)) for attribute in attributes)
        return Pointwise(out, x, [Activation(name, parameters)]) if x is not None else None

    return read


def read_clip(reader: Reader, call: Any, out: Tensor) -> Op | None:
    """Values held between two constants."""
    x = reader.map_of(call.args[0])
    if x is None:
        return None
    low, high = (float(bound.value) for bound in call.args[1:])
    return Pointwise(out, x, [Activation("clip", (low, high))])


def bound(name: str) -> Read:
    """A reader of the maximum or minimum with one number."""

    def read(reader: Reader, call: Any, out: Tensor) -> Op | None:
        for index in (0, 1):
            x, limit = reader.map_of(call.args[index]), reader.constant(call.args[1 - index])
            if x is not None and limit is not None and limit.size == 1 and x.shape == out.shape:
                return Pointwise(out, x, [Activation(name, (float(limit.item()),))])
        return None

    return read


def read_negative(reader: Reader, call: Any, out: Tensor) -> Op | None:
    """Each value's opposite."""
    x = reader.map_of(call.args[0])
    return None if x is None else Pointwise(out, x, [_channelwise("multiply", np.float32(-1), out)])


def binary(operator: str) -> Read:
    """A reader of the operator between two maps, or between a map and constants."""

    def read(reader: Reader, call: Any, out: Tensor) -> Op | None:
        left, right = (reader.map_of(argument) for argument in call.args)
        if left is not None and right is not None:
            return _combination(operator, left, right, out)
        index = 0 if left is not None else 1
        x, constant = left or right, reader.constant(call.args[1 - index])
        if x is None or constant is None or x.shape != out.shape or _channel_values(constant, out) is None:
            return None
        stages = ARITHMETIC[operator, index](constant, out)
        return Pointwise(out, x, stages) if stages is not None else None

    return read


def _combination(operator: str, left: Tensor, right: Tensor, out: Tensor) -> Op | None:
    """Of two maps, where one of them may have a single pixel that goes with all."""
    if operator == "divide":
        return None
    if operator != "subtract" and left.shape != out.shape:
        left, right = right, left
    fits = left.shape == out.shape and right.shape in (out.shape, (*out.shape[:2], 1, 1))
    return Pointwise(out, left, [Combine(operator, right)]) if fits else None


def _channel_values(constant: Array, out: Tensor) -> Array | None:
    """A value for each channel, when the constant has no more than that."""
    channels = out.shape[1]
    if constant.ndim > 4:
        return None
    shape = (1,) * (4 - constant.ndim) + constant.shape
    if shape not in ((1, channels, 1, 1), (1, 1, 1, 1)):
        return None
    return np.broadcast_to(constant.reshape(-1), (channels,)).astype("float32")


def _channelwise(operator: str, constant: Array, out: Tensor) -> Stage:
    values = _channel_values(np.asarray(constant), out)
    assert values is not None
    return Channelwise(operator, values)


def _divided(constant: Array, out: Tensor) -> list[Stage] | None:
    return [_channelwise("multiply", 1 / constant, out)] if (constant != 0).all() else None


def _subtracted_from(constant: Array, out: Tensor) -> list[Stage]:
    return [_channelwise("multiply", np.float32(-1), out), _channelwise("add", constant, out)]


# By the operator and the argument that is the map: what is done to the map with the constant.
ARITHMETIC: dict[tuple[str, int], Callable[[Array, Tensor], list[Stage] | None]] = {
    ("add", 0): lambda constant, out: [_channelwise("add", constant, out)],
    ("add", 1): lambda constant, out: [_channelwise("add", constant, out)],
    ("multiply", 0): lambda constant, out: [_channelwise("multiply", constant, out)],
    ("multiply", 1): lambda constant, out: [_channelwise("multiply", constant, out)],
    ("subtract", 0): lambda constant, out: [_channelwise("add", -constant, out)],
    ("subtract", 1): _subtracted_from,
    ("divide", 0): _divided,
    ("divide", 1): lambda constant, out: None,
}
