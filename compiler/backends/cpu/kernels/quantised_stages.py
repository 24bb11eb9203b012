"""What follows an integer sum: elementwise stages and rounding to bytes, the same bits on every processor.

A map of bytes stands for real numbers: (byte - zero point) * scale. In a kernel's parameters each such map is followed
by its `ENCODING`: two floats, the factor and the zero point. The factor is the scale of a map that is read, and the
scale's reciprocal for the map that is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.common.curves import CURVES, ROWS, SEGMENTS, Curve
from zcc.compiler.backends.cpu.kernels.activation import ACTIVATIONS, OPERATORS
from zcc.compiler.backends.cpu.kernels.byte_pack import VECTORS, pack_bytes, packs
from zcc.compiler.backends.cpu.kernels.conv_loops import Between, at_once
from zcc.compiler.backends.cpu.kernels.curve import ROUNDER, HeldCurve
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.stages import Apply, Merge, PerChannel, StageSpec
from zcc.compiler.backends.cpu.kernels.vector import (
    as_type,
    bound,
    broadcast,
    cast,
    f32s,
    lanes_of,
    load,
    product,
    ramp,
)

ENCODING = 2
BEYOND = 2.0**30  # far beyond any byte, and still an int32


def _hard_sigmoid(x: Expr) -> Expr:
    lanes = lanes_of(x)
    line = product(x, f32s(1 / 6, lanes)) + f32s(0.5, lanes)
    return tirx.max(tirx.min(line, f32s(1, lanes)), f32s(0, lanes))


# Those of kernels/activation.py that no processor can round differently, and others written so that none can.
EXACT: dict[str, Callable[..., Expr]] = {
    "relu": ACTIVATIONS["relu"],
    "leaky_relu": ACTIVATIONS["leaky_relu"],
    "clip": ACTIVATIONS["clip"],
    "abs": ACTIVATIONS["abs"],
    "at_least": ACTIVATIONS["at_least"],
    "at_most": ACTIVATIONS["at_most"],
    "scale": lambda x, factor: product(x, f32s(factor, lanes_of(x))),
    "shift": lambda x, distance: x + f32s(distance, lanes_of(x)),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": lambda x: bound(x, lambda v: product(v, _hard_sigmoid(v))),
}


@dataclass(frozen=True)
class Encoded:
    """A declared map, and its ENCODING when it holds bytes."""

    slab: Slab
    buffer: Any
    encoding: Any


def declare_map(slab: Slab, name: str) -> Encoded:
    """Declare the map, and its encoding if it has one, as the next parameters."""
    buffer = slab.argument(name)
    encoding = T.arg(f"{name}_encoding", T.Buffer((ENCODING,), "float32", align=4)) if slab.dtype == "uint8" else None
    return Encoded(slab, buffer, encoding)


def declare_operands(stages: Sequence[StageSpec]) -> list[Any]:
    """Declare what the stages read, in order: a map, a table for a curve, a value per channel, or nothing."""
    return [_declare(stage, f"operand{index}") for index, stage in enumerate(stages)]


def _declare(stage: StageSpec, name: str) -> Any:
    if isinstance(stage, Merge):
        return declare_map(stage.other, name)
    if isinstance(stage, PerChannel):
        return T.arg(name, T.Buffer((stage.blocks, stage.lanes), "float32"))
    if stage.activation in CURVES:
        return T.arg(name, T.Buffer((ROWS, SEGMENTS), "float32"))
    return None


class QuantisedStages:
    """The stages of one kernel, and what they keep at hand for all vectors of a tile.

    Values are real numbers, but for the argument of a curve that comes first, which is in the curve's steps, and the
    result of one that comes last before bytes, which is in the bytes' steps: both factors are applied ahead.
    """

    def __init__(self, stages: Sequence[StageSpec], operands: Sequence[Any], out: Encoded, unit: VectorUnit) -> None:
        self.steps = list(zip(stages, operands, strict=True))
        self.out = out
        self.lanes = unit.lanes
        self.unit = unit
        self.curves: dict[int, HeldCurve] = {}
        self.packs = packs(unit) and out.encoding is not None
        self.first = _curve(stages[0]) if stages else None
        self.last = _curve(stages[-1]) if stages and out.encoding is not None else None

    def scaled(self, scale: Expr) -> Expr:
        """What one unit of the sums stands for in the values that `store` takes."""
        return scale if self.first is None else product(scale, f32s(1 / self.first.step, self.lanes))

    def hold(self) -> None:
        """Load what all vectors share; emitted where the stores of a tile begin."""
        for number, (stage, operand) in enumerate(self.steps):
            curve = _curve(stage)
            if curve is not None:
                encoded = self.last is not None and number == len(self.steps) - 1
                factor = self._encoding(0) if encoded else None
                self.curves[number] = HeldCurve(curve, operand, self.unit, factor)

    def store(self, values: Sequence[Expr], index: Sequence[Any], between: Between = at_once) -> None:
        """Store vectors of values that lie one behind the other from `index` on, after all stages."""
        places = [[*index[:2], *self._place(index, number)] for number in range(len(values))]
        done = [between(self._through(value, place)) for value, place in zip(values, places, strict=True)]
        packed = len(done) // VECTORS * VECTORS if self.packs else 0
        for first in range(0, packed, VECTORS):
            self._store_packed(done[first : first + VECTORS], places[first])
        for value, place in zip(done[packed:], places[packed:], strict=True):
            stored = value if self.out.encoding is None else self._encode(value)
            T.buffer_store(self.out.buffer, stored, self._vector(place))

    def _place(self, index: Sequence[Any], number: int) -> tuple[Any, Any]:
        """Column and lane of the vector that is the `number`-th from `index` on."""
        per_column = self.out.slab.lanes // self.lanes
        return index[2] + number // per_column, index[3] + number % per_column * self.lanes

    def _through(self, value: Expr, place: Sequence[Any]) -> Expr:
        for number, (stage, operand) in enumerate(self.steps):
            value = self._apply(value, number, stage, operand, place)
        return value

    def _store_packed(self, values: Sequence[Expr], place: Sequence[Any]) -> None:
        zero = cast("int16", cast("int32", broadcast(load(self.out.encoding, 1), 2 * self.lanes)))
        clamped = [self._representable(self._in_steps(value)) for value in values]
        # A column's lanes end where the next column's begin.
        position = [*place[:3], ramp(place[3], VECTORS * self.lanes)]
        T.buffer_store(self.out.buffer, pack_bytes(clamped, zero, self.unit), position)

    def _representable(self, steps: Expr) -> Expr:
        """What is too large for an int32 still goes to 255; what is too small becomes the least one anyway.

        Where it matters, floats are ordered as their bits are; processors have other units for integers, idle here.
        """
        bits = f"int32x{self.lanes}"
        return as_type(f"float32x{self.lanes}", tirx.min(as_type(bits, steps), as_type(bits, f32s(BEYOND, self.lanes))))

    def _in_steps(self, value: Expr) -> Expr:
        return value if self.last is not None else product(value, self._encoding(0))

    def _apply(self, value: Expr, number: int, stage: StageSpec, operand: Any, index: Sequence[Any]) -> Expr:
        if isinstance(stage, Merge):
            return _combine(stage.operator, value, self.decode(operand, index))
        if isinstance(stage, PerChannel):
            return _combine(stage.operator, value, load(operand, index[0], ramp(index[3], self.lanes)))
        curve = _curve(stage)
        if curve is None:
            return EXACT[stage.activation](value, *stage.parameters)
        steps = value if number == 0 else product(value, f32s(1 / curve.step, self.lanes))
        return self.curves[number].at(steps)

    def _encoding(self, item: int) -> Expr:
        return broadcast(load(self.out.encoding, item), self.lanes)

    def _vector(self, index: Sequence[Any]) -> list[Any]:
        return [*index[:3], ramp(index[3], self.lanes)]

    def decode(self, other: Encoded, index: Sequence[Any]) -> Expr:
        """The real values of the vector of another map that begins at `index`."""
        single = (other.slab.height, other.slab.width) == (1, 1)
        value = load(other.buffer, *self._vector([index[0], 0, 0, index[3]] if single else index))
        if other.encoding is None:
            return value
        factor, zero = (broadcast(load(other.encoding, item), self.lanes) for item in range(ENCODING))
        return product(cast("float32", value) - zero, factor)

    def _encode(self, value: Expr) -> Expr:
        """The nearest byte, ties to even before the zero point is added; what lies beyond is clamped to 0 or 255."""
        zero = self._encoding(1)
        low, high = f32s(0, self.lanes) - zero, f32s(255, self.lanes) - zero
        clamped = tirx.max(tirx.min(self._in_steps(value), high), low)
        integers = as_type(f"int32x{self.lanes}", clamped + f32s(ROUNDER, self.lanes))
        return cast("uint8", integers) + cast("uint8", cast("int32", zero))


def _curve(stage: StageSpec) -> Curve | None:
    return CURVES.get(stage.activation) if isinstance(stage, Apply) else None


def _combine(operator: str, left: Expr, right: Expr) -> Expr:
    return product(left, right) if operator == "multiply" else OPERATORS[operator](left, right)
