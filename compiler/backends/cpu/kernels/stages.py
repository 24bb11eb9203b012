"""The elementwise stages behind a kernel, as part of its spec and as TIR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.activation import ACTIVATIONS, OPERATORS
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.stored import as_float


@dataclass(frozen=True)
class Apply:
    """An activation with its parameters."""

    activation: str
    parameters: tuple[float, ...]


@dataclass(frozen=True)
class Merge:
    """`operator` with another map of the same shape, or with one whose single pixel goes with all."""

    operator: str
    other: Slab

    @property
    def is_pixel(self) -> bool:
        """Whether the other map has one pixel."""
        return (self.other.height, self.other.width) == (1, 1)


@dataclass(frozen=True)
class PerChannel:
    """`operator` with one value per channel, [blocks, lanes]."""

    operator: str
    blocks: int
    lanes: int


StageSpec = Apply | Merge | PerChannel


def stage_arguments(stages: Sequence[StageSpec]) -> list[Any]:
    """Declare the buffers that the stages read, in order; None for those that read none."""
    buffers: list[Any] = []
    for index, stage in enumerate(stages):
        if isinstance(stage, Merge):
            buffers.append(stage.other.argument(f"operand{index}"))
        elif isinstance(stage, PerChannel):
            buffers.append(T.arg(f"operand{index}", T.Buffer((stage.blocks, stage.lanes), "float32")))
        else:
            buffers.append(None)
    return buffers


def apply_stages(value: Expr, stages: Sequence[StageSpec], buffers: Sequence[Any], index: Sequence[Expr]) -> Expr:
    """The stages applied to the value at `index` (block, row, column, lane)."""
    for stage, buffer in zip(stages, buffers, strict=True):
        if isinstance(stage, Apply):
            value = ACTIVATIONS[stage.activation](value, *stage.parameters)
        elif isinstance(stage, Merge):
            at = (index[0], 0, 0, index[3]) if stage.is_pixel else tuple(index)
            value = OPERATORS[stage.operator](value, as_float(buffer[at], stage.other.dtype))
        else:
            value = OPERATORS[stage.operator](value, buffer[index[0], index[3]])
    return value


def describe_stages(stages: Sequence[StageSpec]) -> str:
    """The stages as part of a kernel's name."""
    words = [stage.activation if isinstance(stage, Apply) else stage.operator for stage in stages]
    return "".join(f"_{word}" for word in words)
