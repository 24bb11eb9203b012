"""Operations on plain row-major tensors: whatever a model computes beside its feature maps.

A model is read as `Generic` operations, which TVM lowers to `Lowered` ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zcc.compiler.ir.ops import Op
from zcc.compiler.ir.tensors import Array, Tensor


@dataclass(eq=False)
class Generic(Op):
    """A Relax call on plain tensors."""

    operands: list[Tensor]
    call: Any  # relax.Call
    variables: list[Any]  # the relax.Var of each operand, as `call` names it
    constants: dict[Any, Array] = field(default_factory=dict)  # other variables in `call`, known now
    function: Any = None  # the tirx.PrimFunc that `call` calls, where it calls one

    @property
    def inputs(self) -> list[Tensor]:
        return list(self.operands)


@dataclass(eq=False)
class Softmax(Op):
    """Softmax of a plain tensor along an axis; with weights, the mean of these that it gives, in place of the axis."""

    x: Tensor
    axis: int
    weights: Array | None = None

    @property
    def inputs(self) -> list[Tensor]:
        return [self.x]

    def replace(self, old: Tensor, new: Tensor) -> None:
        """Read `new` in the place of `old`."""
        self.x = new if self.x is old else self.x


@dataclass(eq=False)
class SampledMean(Op):
    """What plain maps hold at points that each query looks at, bilinear, weighed and summed up.

    `out` is (groups, channels, queries): each group of channels has points of its own.
    """

    values: Tensor  # (1, pixels of all maps, groups * channels)
    levels: tuple[tuple[int, int, int], ...]  # of each map: its first pixel, height and width
    grids: list[Tensor]  # for each map (groups, 2, queries, points): x and y of points, -1..1 from edge to edge
    weights: Tensor  # as many as (groups, queries, maps * points)

    @property
    def inputs(self) -> list[Tensor]:
        return [self.values, *self.grids, self.weights]

    def replace(self, old: Tensor, new: Tensor) -> None:
        """Read `new` in the place of `old`."""
        self.values, self.weights, *self.grids = (
            new if tensor is old else tensor for tensor in (self.values, self.weights, *self.grids)
        )


@dataclass(eq=False)
class Lowered(Op):
    """What TVM made of generic operations: a function over plain tensors and constants, outputs last."""

    function: Any  # tirx.PrimFunc
    title: str
    operands: list[Tensor | Array]
    made: list[Tensor]

    @property
    def inputs(self) -> list[Tensor]:
        return [operand for operand in self.operands if isinstance(operand, Tensor)]

    def replace(self, old: Tensor, new: Tensor) -> None:
        """Read `new` in the place of `old`."""
        self.operands = [new if operand is old else operand for operand in self.operands]

    @property
    def outputs(self) -> list[Tensor]:
        return self.made


@dataclass(eq=False)
class Alias(Op):
    """The same memory under another shape."""

    x: Tensor

    @property
    def inputs(self) -> list[Tensor]:
        return [self.x]

    def replace(self, old: Tensor, new: Tensor) -> None:
        """Read `new` in the place of `old`."""
        self.x = new if self.x is old else self.x
