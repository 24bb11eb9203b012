"""What one QuantizeLinear or DequantizeLinear says: the integers it knows, and what they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from zcc.compiler.frontend.operators import label
from zcc.compiler.ir.quantisation import SMALLEST_SCALE, Quantisation
from zcc.runtime.errors import ModelError

Array = NDArray[Any]
Constants = Mapping[str, Array]

DEFAULT_AXIS = 1
# By the type of a map's integers: what is added to them to make them unsigned bytes.
SHIFTS = {np.dtype(np.uint8): 0, np.dtype(np.int8): 128}
NO_ZERO_POINT = np.zeros(1, np.uint8)
REMEDY = "quantise it to 8 bits in the QDQ format, one scale per map"


@dataclass(frozen=True)
class Rounding:
    """Real numbers are (integer - zero point) * scale."""

    node: onnx.NodeProto
    scale: Array  # one, or one per channel
    zero_point: Array
    axis: int

    @property
    def name(self) -> str:
        """The node, for messages."""
        return f"{self.node.op_type} {label(self.node)!r}"

    def quantised(self, values: Array) -> Array:
        """The integers of constant numbers."""
        if values.dtype != np.float32:
            raise ModelError(f"{self.name} rounds numbers of type {values.dtype}", REMEDY)
        zero = self._integers(self.zero_point)
        limits = np.iinfo(zero.dtype)
        units = np.rint(values / self._along(self.scale, values)) + self._along(zero, values)
        return np.clip(units, limits.min, limits.max).astype(zero.dtype)

    def dequantised(self, values: Array) -> Array:
        """The numbers that constant integers stand for."""
        steps = self._integers(values).astype(np.int64) - self._along(self._integers(self.zero_point), values)
        return steps.astype(np.float32) * self._along(self.scale, values)

    def of_map(self) -> Quantisation:
        """What the bytes of a map stand for."""
        zero = self.zero_point
        if zero.dtype not in SHIFTS:
            raise ModelError(f"{self.name} makes a map of {zero.dtype}, not of bytes", REMEDY)
        if self.scale.size != 1 or zero.size != 1:
            raise ModelError(f"{self.name} has {self.scale.size} scales for one map", REMEDY)
        scale = max(float(self.scale.item()), SMALLEST_SCALE)
        return Quantisation(scale, int(zero.item()) + SHIFTS[zero.dtype])

    def undoes(self, other: Rounding) -> bool:
        """Whether both mean the same."""
        same = ((self.scale, other.scale), (self.zero_point, other.zero_point))
        return all(np.array_equal(mine.ravel(), others.ravel()) for mine, others in same)

    def _along(self, parameter: Array, values: Array) -> Array:
        """A parameter as it goes with the values: alone, or along its axis."""
        if parameter.size == 1:
            return parameter.reshape(())
        shape = [1] * values.ndim
        if -values.ndim <= self.axis < values.ndim:
            shape[self.axis] = values.shape[self.axis]
        if parameter.size != np.prod(shape):
            raise ModelError(f"{self.name} has {parameter.size} scales for numbers of shape {values.shape}", REMEDY)
        return parameter.reshape(shape)

    def _integers(self, values: Array) -> Array:
        if values.dtype.kind not in "iu":
            raise ModelError(f"{self.name} works on {values.dtype}", REMEDY)
        return values


def read_rounding(node: onnx.NodeProto, constants: Constants) -> Rounding:
    """What the node says; a ModelError when that is known only at run time, or makes no sense."""
    inputs = [*node.input, "", ""][:3]
    missing = [name for name in inputs[1:] if name and name not in constants]
    named = f"{node.op_type} {label(node)!r}"
    if missing or not inputs[1]:
        raise ModelError(f"{named} takes its scale from {missing or 'nothing'}, not from a constant", REMEDY)
    scale = constants[inputs[1]]
    if scale.dtype != np.float32 or not scale.size or not (np.isfinite(scale) & (scale > 0)).all():
        raise ModelError(f"{named} has a scale that is no positive number", REMEDY)
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), DEFAULT_AXIS)
    return Rounding(node, scale, constants[inputs[2]] if inputs[2] else NO_ZERO_POINT, axis)
