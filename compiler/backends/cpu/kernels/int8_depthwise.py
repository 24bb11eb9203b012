"""Depthwise convolution of bytes: u8 activations x s8 weights, summed in int32; every lane is a channel of its own.

The sum of all taps is one expression: nothing is kept in memory. Rows of blocks are shared out over the threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.quantised_stages import QuantisedStages, declare_map, declare_operands
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.stages import StageSpec, describe_stages
from zcc.compiler.backends.cpu.kernels.vector import cast, load, named, product, ramp


@dataclass(frozen=True)
class Int8Depthwise:
    """A depthwise convolution of bytes; `x` includes the border that the taps reach.

    Parameters: x, weight int8 [blocks, rows, columns, lanes], start int32 and scale float32 per channel, the operands
    of the stages (kernels/quantised_stages.py), out.
    """

    x: Slab
    out: Slab
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    stages: tuple[StageSpec, ...]

    @property
    def name(self) -> str:
        """For example `int8_depthwise_3x3s1_64_80x80_silu`."""
        size = f"{self.kernel[0]}x{self.kernel[1]}s{self.stride[0]}"
        channels = self.out.blocks * self.out.lanes
        return f"int8_depthwise_{size}_{channels}_{self.out.height}x{self.out.width}{describe_stages(self.stages)}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """One loop nest; the weights of a row's channels are widened before its columns are gone through."""
        out, lanes = self.out, min(unit.lanes, self.out.lanes)
        with building(self.name) as kernel:
            x = self.x.argument("x")
            weight = T.arg("weight", T.Buffer((out.blocks, *self.kernel, out.lanes), "int8"))
            start = T.arg("start", T.Buffer((out.blocks, out.lanes), "int32"))
            scale = T.arg("scale", T.Buffer((out.blocks, out.lanes), "float32"))
            stages = QuantisedStages(self.stages, declare_operands(self.stages), declare_map(out, "out"), unit)
            with T.parallel(0, out.blocks * out.height) as task:
                block, row = named(tirx.floordiv(task, out.height)), tirx.floormod(task, out.height)
                for part in range(0, out.lanes, lanes):
                    stages.hold()
                    weights = self._widened(weight, block, ramp(part, lanes))
                    first = named(load(start, block, ramp(part, lanes)))
                    factor = named(stages.scaled(load(scale, block, ramp(part, lanes))))
                    with T.serial(0, out.width) as column:
                        total = self._sum(x, weights, first, (block, row, column, ramp(part, lanes)))
                        stages.store([product(cast("float32", total), factor)], [block, row, column, part])
        return kernel.function

    def _taps(self) -> list[tuple[int, int]]:
        return [(ky, kx) for ky in range(self.kernel[0]) for kx in range(self.kernel[1])]

    def _widened(self, weight: Any, block: Any, lanes: Expr) -> list[Expr]:
        return [named(cast("int32", load(weight, block, *tap, lanes))) for tap in self._taps()]

    def _sum(self, x: Any, weights: list[Expr], total: Expr, place: tuple[Any, ...]) -> Expr:
        block, row, column, lanes = place
        for (ky, kx), weight in zip(self._taps(), weights, strict=True):
            y = row * self.stride[0] + ky * self.dilation[0]
            pixel = load(x, block, y, column * self.stride[1] + kx * self.dilation[1], lanes)
            total = named(total + cast("int32", pixel) * weight)
        return total
