"""What the integer kernels must compute, in numpy: sums in 64 bits, then one float32 operation after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.common.curves import CURVES, POWERS, SEGMENTS, Curve
from zcc.compiler.backends.cpu.kernels.int8_conv import Int8Conv
from zcc.compiler.backends.cpu.kernels.int8_depthwise import Int8Depthwise
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.stages import Apply, Merge, PerChannel, StageSpec

Array = NDArray[Any]
F = np.float32


@dataclass
class Encoding:
    """What the bytes of a map stand for."""

    scale: float
    zero: int

    def read(self) -> Array:
        return np.array([self.scale, self.zero], F)

    def written(self) -> Array:
        return np.array([1 / self.scale, self.zero], F)


def taps(x: Array, weight: Array, start: Array, size: tuple[int, int], stride: int = 1, dilation: int = 1) -> Array:
    """[O, H, W] of `size` from x [I, H, W] with its border and weight [O, I, KH, KW]; each channel starts somewhere."""
    height, width = size
    total = np.repeat(start, height * width).reshape(-1, height, width)
    for ky in range(weight.shape[2]):
        for kx in range(weight.shape[3]):
            top, left = ky * dilation, kx * dilation
            rows = slice(top, top + (height - 1) * stride + 1, stride)
            columns = slice(left, left + (width - 1) * stride + 1, stride)
            total += np.tensordot(weight[:, :, ky, kx], x[:, rows, columns], 1)
    return total


def sums(x: Array, weight: Array, start: Array, spec: Int8Conv | Int8Depthwise) -> Array:
    """What the int32 sums of the kernel hold."""
    size = (spec.out.height, spec.out.width)
    wide = (values.astype(np.int64) for values in (x, weight, start))
    return taps(*wide, size, spec.stride[0], spec.dilation[0]).astype(np.int32)


def on_curve(steps: Array, curve: Curve, factor: float = 1.0) -> Array:
    """The cubic of each value's segment at its distance from zero, and the line, all times the factor."""
    factor = F(factor)
    distance = np.minimum(np.abs(steps), F(SEGMENTS - 1))
    segment = np.rint(distance)
    constant, slope, bend, third = (curve.table() * factor)[:POWERS, segment.astype(int)]
    part = constant + distance * (slope + distance * (bend + distance * third))
    signed = np.where(np.signbit(steps), -part, part) if curve.odd else part
    sloping = signed + np.maximum(steps, F(0)) * (F(curve.slope * curve.step) * factor)
    return sloping + F(curve.offset) * factor


def finish(total: Array, scale: Array, stages: Sequence[tuple[StageSpec, Any]], out: Encoding | None) -> Array:
    """The stages, each with its operand in real numbers, and the bytes if there is an encoding."""
    scale = scale.astype(F)[:, None, None]
    value = total.astype(F)
    first_curve = CURVES.get(stages[0][0].activation) if stages and isinstance(stages[0][0], Apply) else None
    value = value * (scale if first_curve is None else scale * F(1 / first_curve.step))
    encoded_by_curve = False
    for number, (stage, operand) in enumerate(stages):
        if isinstance(stage, Apply) and stage.activation in CURVES:
            curve = CURVES[stage.activation]
            encoded_by_curve = number == len(stages) - 1 and out is not None
            factor = 1 / out.scale if encoded_by_curve and out is not None else 1.0
            value = on_curve(value if number == 0 else value * F(1 / curve.step), curve, factor)
        else:
            value = plain_stage(value, stage, operand)
    if out is None:
        return value
    with np.errstate(over="ignore"):
        steps = value if encoded_by_curve else value * F(1 / out.scale)
    return (np.rint(np.clip(steps, F(-out.zero), F(255 - out.zero))).astype(int) + out.zero).astype(np.uint8)


def plain_stage(value: Array, stage: StageSpec, operand: Any) -> Array:
    """A stage that is no curve."""
    if isinstance(stage, Merge | PerChannel):
        other = operand[:, None, None] if isinstance(stage, PerChannel) else operand
        operators = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply}
        return operators[stage.operator](value, other)
    parameters = [F(parameter) for parameter in stage.parameters]
    return PLAIN[stage.activation](value, *parameters).astype(F)


PLAIN: dict[str, Any] = {
    "relu": lambda x: np.maximum(x, F(0)),
    "leaky_relu": lambda x, slope: np.where(x > 0, x, x * slope),
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "abs": np.abs,
    "scale": lambda x, factor: x * factor,
    "shift": lambda x, distance: x + distance,
    "at_least": lambda x, low: np.maximum(x, low),
    "at_most": lambda x, high: np.minimum(x, high),
    "hard_sigmoid": lambda x: np.clip(x * F(1 / 6) + F(0.5), F(0), F(1)),
    "hard_swish": lambda x: x * np.clip(x * F(1 / 6) + F(0.5), F(0), F(1)),
}


def packed(planes: Array, slab: Slab) -> Array:
    """[C, H, W] as the slab wants it; holes hold garbage."""
    room = np.full((slab.blocks * slab.lanes, slab.height, slab.width), 77, slab.dtype)
    room[: len(planes)] = planes
    split = room.reshape(slab.blocks, slab.lanes, slab.height, slab.width)
    return np.ascontiguousarray(split.transpose(0, 2, 3, 1))


def padded(array: Array, slab: Slab) -> tuple[Slab, Array]:
    """The slab inside a larger one, as kernels meet it, and its window there."""
    room = np.full((slab.blocks, slab.height + 3, slab.width + 5, slab.lanes), 55, slab.dtype)
    window = room[:, 1 : 1 + slab.height, 2 : 2 + slab.width]
    window[...] = array
    pitch, plane = room.strides[1] // room.itemsize, room.strides[0] // room.itemsize
    return replace(slab, pitch=pitch, plane=plane), window


def unpacked(held: Array, channels: int) -> Array:
    """The first channels of a packed map as planes."""
    blocks, height, width, lanes = held.shape
    return held.transpose(0, 3, 1, 2).reshape(blocks * lanes, height, width)[:channels]


def lanes_for(channels: int, block: int) -> Array:
    """Channels one after another, -1 in the holes of the last block."""
    lanes = np.full(-(-channels // block) * block, -1)
    lanes[:channels] = np.arange(channels)
    return lanes
