"""What happens to four neighbouring channels between a kernel's sums and its stores: generated CUDA, one line a stage.

Operands are asked for early (`load`) and used late (`store`), so that memory is waited for while others compute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zcc.compiler.backends.cuda.kernels.formats import Map

OPERATORS = {"add": "__fadd_rn({}, {})", "subtract": "__fsub_rn({}, {})", "multiply": "__fmul_rn({}, {})"}


def literal(value: float) -> str:
    """The float32 nearest to a number, exactly."""
    return f"{float(np.float32(value)).hex()}f"


@dataclass(frozen=True)
class Apply:
    """A function of common.cuh by its name."""

    name: str
    parameters: tuple[float, ...] = ()

    def line(self, operand: str) -> str:
        """CUDA that changes v[e]."""
        return f"v[e] = {_call(self.name, self.parameters, 'v[e]')};"


@dataclass(frozen=True)
class OnCurve:
    """A smooth function by table, for integer networks; `factor` turns its argument into the curve's steps."""

    factor: float
    odd: bool = False
    sloped: bool = True  # whether it goes on for ever as a line that is not flat

    def line(self, operand: str) -> str:
        """CUDA that changes v[e]."""
        steps = "v[e]" if self.factor == 1 else f"__fmul_rn(v[e], {literal(self.factor)})"
        kind = ", ".join(str(each).lower() for each in (self.odd, self.sloped))
        return f"v[e] = on_curve<{kind}>({steps}, {operand});"


@dataclass(frozen=True)
class Merge:
    """An operator between the value and another map's, of the same shape or of one pixel."""

    operator: str
    other: Map

    def line(self, operand: str) -> str:
        """CUDA that changes v[e]."""
        return f"v[e] = {OPERATORS[self.operator].format('v[e]', f'h.{operand}[e]')};"


@dataclass(frozen=True)
class PerChannel:
    """An operator between the value and a number for each channel."""

    operator: str

    def line(self, operand: str) -> str:
        """CUDA that changes v[e]."""
        return f"v[e] = {OPERATORS[self.operator].format('v[e]', f'h.{operand}[e]')};"


Stage = Apply | OnCurve | Merge | PerChannel


@dataclass(frozen=True)
class Enlarged:
    """A second place for the result, every pixel `factor` times down and across."""

    factor: tuple[int, int]
    y: Map


@dataclass(frozen=True)
class Ending:
    """The stages of a kernel and where their result goes."""

    y: Map
    stages: tuple[Stage, ...] = ()
    enlarged: Enlarged | None = None
    scaled: bool = False  # sums are integers; each channel has a number that one unit stands for
    in_steps: bool = False  # the last stage leaves the steps of the result's bytes

    @property
    def parameters(self) -> list[str]:
        """C declarations of the kernel's parameters, in order: results, then units, then what stages read."""
        declared = [f"{self.y.format.type}* y"]
        if self.enlarged:
            declared.append(f"{self.enlarged.y.format.type}* enlarged")
        if self.scaled:
            declared.append("const float* units")
        for index, stage in enumerate(self.stages):
            if isinstance(stage, Merge):
                declared.append(f"const {stage.other.format.type}* o{index}")
            elif isinstance(stage, OnCurve | PerChannel):
                declared.append(f"const float* o{index}")
        return declared

    @property
    def names(self) -> list[str]:
        """The names of the parameters."""
        return [declaration.split()[-1] for declaration in self.parameters]

    def source(self, sums: str = "float") -> str:
        """The struct `Out` that conv_mma.cuh and others finish with."""
        loaded = [f"float o{i}[4];" for i, stage in enumerate(self.stages) if isinstance(stage, Merge | PerChannel)]
        if self.scaled:
            loaded.append("float units[4];")
        value = "__fmul_rn((float)sums[e], h.units[e])" if self.scaled else "sums[e]"
        lines = [stage.line(f"o{index}") for index, stage in enumerate(self.stages)]
        body = "\n".join(f"    {line}" for line in [f"v[e] = {value};", *lines, *self._encoding()])
        members = " ".join(f"{declaration};" for declaration in self.parameters)
        return f"""struct Out {{
  {members}
  struct Loaded {{ {" ".join(loaded)} }};
  __device__ __forceinline__ void load(int m, int n, Loaded& h) const {{
    {" ".join(self._loads())}
  }}
  __device__ __forceinline__ void store(int m, int n, const {sums} (&sums)[4], const Loaded& h) const {{
    float v[4];
#pragma unroll
    for (int e = 0; e < 4; e++) {{
{body}
    }}
    store4(y + m * {self.y.pitch} + n, v);
    {self._enlargement()}
  }}
}};"""

    def _loads(self) -> list[str]:
        loads = ["load4(units + n, h.units);"] if self.scaled else []
        for index, stage in enumerate(self.stages):
            if isinstance(stage, PerChannel):
                loads.append(f"load4(o{index} + n, h.o{index});")
            elif isinstance(stage, Merge):
                pixel = "0" if stage.other.pixels == 1 else "m"
                loads.append(
                    f"load4(o{index} + {pixel} * {stage.other.pitch} + n, h.o{index}); {_decoding(stage.other, index)}"
                )
        return loads

    def _encoding(self) -> list[str]:
        meaning = self.y.quantisation
        if meaning is None:
            return []
        steps = "v[e]" if self.in_steps else f"__fmul_rn(v[e], {literal(float(meaning.factor))})"
        return [f"v[e] = to_byte({steps}, {literal(meaning.zero_point)});"]

    def _enlargement(self) -> str:
        if self.enlarged is None:
            return ""
        (down, across), y = self.enlarged.factor, self.enlarged.y
        row = f"(m / {self.y.width} * {down} + i) * {y.width} + m % {self.y.width} * {across} + j"
        return f"""
#pragma unroll
    for (int i = 0; i < {down}; i++)
#pragma unroll
      for (int j = 0; j < {across}; j++) store4(enlarged + ({row}) * {y.pitch} + n, v);"""


def _decoding(other: Map, index: int) -> str:
    meaning = other.quantisation
    if meaning is None:
        return ""
    value = f"__fmul_rn(__fsub_rn(h.o{index}[e], {literal(meaning.zero_point)}), {literal(meaning.scale)})"
    return f"for (int e = 0; e < 4; e++) h.o{index}[e] = {value};"


def _call(name: str, parameters: tuple[Any, ...], value: str) -> str:
    """An activation of `value`; a fork is an operator between two chains of activations."""
    if name == "fork":
        operator, *branches = parameters
        return OPERATORS[operator].format(*(_chain(branch, value) for branch in branches))
    if name in INTRINSICS:
        return INTRINSICS[name].format(value)
    return f"{name}({', '.join([value, *map(literal, parameters)])})"


def _chain(branch: tuple[tuple[str, tuple[Any, ...]], ...], value: str) -> str:
    for name, parameters in branch:
        value = _call(name, parameters, value)
    return value


INTRINSICS = {"exp": "__expf({})", "tanh": "tanhf({})", "abs": "fabsf({})"}
