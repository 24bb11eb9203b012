"""What follows an fp32 sum of a convolution of pairs: elementwise stages in fp32, and rounding to what maps store.

Sigmoids are made of what AVX-512 has for them, to 13 bits: five more than bfloat16 keeps, two more than float16.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.activation import ACTIVATIONS, EXP_HIGH, EXP_LOW, LOG2E, OPERATORS, Branch
from zcc.compiler.backends.cpu.kernels.conv_loops import Between, at_once
from zcc.compiler.backends.cpu.kernels.pairs import LANES, PairNumbers
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.stages import Apply, Merge, PerChannel, StageSpec, stage_arguments
from zcc.compiler.backends.cpu.kernels.vector import bound, f32s, llvm, load, ramp

VECTOR = f"float32x{LANES}"
# 2**f on [-1/2, 1/2], fitted for the smallest relative error: 7.5e-5.
POWER_POLYNOMIAL = (0.0551715067, 0.2426107494, 0.6932609774, 0.9999280961)
WHOLE, CURRENT_ROUNDING = 0, 4  # immediate operands: round to a whole number, as the processor rounds everything


def _reciprocal(value: Expr) -> Expr:
    mask = tirx.const(-1, "int16")
    return llvm(VECTOR, "llvm.x86.avx512.rcp14.ps.512", value, f32s(0, LANES), mask)


def _power_of_two(t: Expr) -> Expr:
    """2**t; far outside a float's exponents it is infinite or 0."""

    def scaled(whole: Expr) -> Expr:
        return bound(t - whole, lambda f: _scale(_polynomial(f), whole))

    mask = tirx.const(-1, "int16")
    immediate = (tirx.const(WHOLE, "int32"), t, mask, tirx.const(CURRENT_ROUNDING, "int32"))
    return bound(llvm(VECTOR, "llvm.x86.avx512.mask.rndscale.ps.512", t, *immediate), scaled)


def _polynomial(f: Expr) -> Expr:
    total = f32s(POWER_POLYNOMIAL[0], LANES)
    for coefficient in POWER_POLYNOMIAL[1:]:
        total = total * f + f32s(coefficient, LANES)
    return total


def _scale(value: Expr, exponent: Expr) -> Expr:
    """value * 2**exponent."""
    arguments = (value, exponent, f32s(0, LANES), tirx.const(-1, "int16"), tirx.const(CURRENT_ROUNDING, "int32"))
    return llvm(VECTOR, "llvm.x86.avx512.mask.scalef.ps.512", *arguments)


def _sigmoid(x: Expr) -> Expr:
    power = bound(x * f32s(-LOG2E, LANES), _power_of_two)
    return _reciprocal(f32s(1, LANES) + power)


def _exp(x: Expr) -> Expr:
    clamped = tirx.max(tirx.min(x, f32s(EXP_HIGH, LANES)), f32s(EXP_LOW, LANES))
    return bound(clamped * f32s(LOG2E, LANES), _power_of_two)


def _tanh(x: Expr) -> Expr:
    twice = bound(x * f32s(2, LANES), _sigmoid)
    return twice * f32s(2, LANES) - f32s(1, LANES)


def _fork(x: Expr, operator: str, left: Branch, right: Branch) -> Expr:
    return bound(x, lambda v: OPERATORS[operator](_chain(v, left), _chain(v, right)))


def _chain(x: Expr, branch: Branch) -> Expr:
    for name, parameters in branch:
        x = activated(x, name, parameters)
    return x


def activated(x: Expr, name: str, parameters: Sequence[Any]) -> Expr:
    """An activation of a whole vector."""
    return FAST.get(name, ACTIVATIONS[name])(x, *parameters)


FAST: dict[str, Callable[..., Expr]] = {
    "sigmoid": _sigmoid,
    "silu": lambda x: bound(x, lambda v: v * _sigmoid(v)),
    "exp": _exp,
    "tanh": _tanh,
    "fork": _fork,
}


class PairStages:
    """The stages of one kernel; maps hold the given numbers or float32."""

    def __init__(self, stages: Sequence[StageSpec], out: Slab, numbers: PairNumbers) -> None:
        self.numbers = numbers
        self.steps = list(zip(stages, stage_arguments(stages), strict=True))
        self.out = out.argument("out")
        self.rounds = out.dtype == numbers.stored

    def store(self, values: Sequence[Expr], index: Sequence[Any], between: Between = at_once) -> None:
        """Store the values of neighbouring columns from `index` (block, row, column) on, after all stages."""
        places = [[*index[:2], index[2] + column] for column in range(len(values))]
        done = [between(self._through(value, place)) for value, place in zip(values, places, strict=True)]
        size = self.numbers.together if self.rounds else 1
        for first in range(0, len(done), size):
            taken = done[first : first + size]
            # A column's lanes end where the next column's begin.
            place = [*index[:2], index[2] + first, ramp(0, LANES * len(taken))]
            T.buffer_store(self.out, self.numbers.rounded(taken) if self.rounds else taken[0], place)

    def _through(self, value: Expr, pixel: Sequence[Any]) -> Expr:
        for stage, operand in self.steps:
            if isinstance(stage, Apply):
                value = activated(value, stage.activation, stage.parameters)
            else:
                value = OPERATORS[stage.operator](value, self._operand(stage, operand, pixel))
        return value

    def _operand(self, stage: Merge | PerChannel, operand: Any, pixel: Sequence[Any]) -> Expr:
        lanes = ramp(0, LANES)
        if isinstance(stage, PerChannel):
            return load(operand, pixel[0], lanes)
        row, column = (0, 0) if stage.is_pixel else pixel[1:]
        value = load(operand, pixel[0], row, column, lanes)
        return self.numbers.widened(value) if stage.other.dtype == self.numbers.stored else value
