"""A packed map in another number format: floats, bytes of some scale, bfloat16."""

from __future__ import annotations

from dataclasses import dataclass

from tvm import tirx
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.bf16 import bf16_instructions, rounded, widened
from zcc.compiler.backends.cpu.kernels.pairs import LANES
from zcc.compiler.backends.cpu.kernels.quantised_stages import QuantisedStages, declare_map
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.vector import load, ramp
from zcc.compiler.ir.tensors import BFLOAT16


@dataclass(frozen=True)
class _Conversion:
    x: Slab
    out: Slab

    @property
    def name(self) -> str:
        """For example `convert_64_80x80_uint8_to_float32`."""
        size = f"{self.out.blocks * self.out.lanes}_{self.out.height}x{self.out.width}"
        return f"convert_{size}_{self.x.dtype}_to_{self.out.dtype}"


@dataclass(frozen=True)
class ConvertKernel(_Conversion):
    """Each map's encoding follows it in the parameters when it holds bytes."""

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Rows and their blocks over the threads, a register at a time."""
        out = self.out
        step = min(unit.lanes, out.lanes)
        with building(self.name) as kernel:
            source = declare_map(self.x, "x")
            stages = QuantisedStages((), (), declare_map(out, "out"), unit)
            with T.parallel(0, out.blocks * out.height) as task, T.serial(0, out.width) as column:
                row, block = tirx.floordiv(task, out.blocks), tirx.floormod(task, out.blocks)
                for lane in range(0, out.lanes, step):
                    index = [block, row, column, lane]
                    stages.store([stages.decode(source, index)], index)
        return kernel.function


@dataclass(frozen=True)
class Bf16ConvertKernel(_Conversion):
    """Floats to bfloat16, or the other way round."""

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Rows and their blocks over the threads, a block's lanes at a time."""
        out = self.out
        with building(self.name) as kernel:
            source, result = self.x.argument("x"), out.argument("out")
            tasks = T.parallel(0, out.blocks * out.height)
            with bf16_instructions(), tasks as task, T.serial(0, out.width) as column:
                row, block = tirx.floordiv(task, out.blocks), tirx.floormod(task, out.blocks)
                place = [block, row, column, ramp(0, LANES)]
                value = load(source, *place)
                T.buffer_store(result, rounded([value]) if out.dtype == BFLOAT16 else widened(value), place)
        return kernel.function
