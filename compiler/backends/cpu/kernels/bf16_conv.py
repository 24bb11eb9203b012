"""Direct convolution of bfloat16 numbers, summed in fp32, over channel-packed maps of 16 lanes.

The input may also be an image of four channels per pixel; its border holds zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_choices import AmxPlan, beside_dots
from zcc.compiler.backends.cpu.kernels.amx_registers import AMX_PRODUCTS
from zcc.compiler.backends.cpu.kernels.amx_tile import AmxTile
from zcc.compiler.backends.cpu.kernels.bf16 import BFMMLA, LANES, PAIR, PAIR_DOT, bf16_instructions
from zcc.compiler.backends.cpu.kernels.bf16_stages import Bf16Stages
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice, Tile
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.dot_tile import DotTile, dot_choices
from zcc.compiler.backends.cpu.kernels.lane_conv import build_by_lanes
from zcc.compiler.backends.cpu.kernels.matrix_tile import REGISTER, WORD, matrix_choices
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.tiled_conv import TiledConv
from zcc.compiler.ir.tensors import BFLOAT16
from zcc.runtime.errors import BuildError


@dataclass(frozen=True)
class Bf16Conv(TiledConv):
    """A dense convolution of maps stored as uint16; `x` includes the border that the taps reach.

    Parameters: x, weight, bias float32 per output channel, the operands of the stages, out.
    """

    word = "bf16_conv"

    @property
    def geometry(self) -> ConvGeometry:
        """What is summed."""
        return ConvGeometry(self.x, self.out, self.kernel, self.stride, self.dilation, self.tile, PAIR)

    def choices(self, unit: VectorUnit) -> Sequence[Tile]:
        """Tiles that may be the quickest, in both orders of tasks."""
        dots = dot_choices(self.out, unit, PAIR_DOT)
        return beside_dots(self.geometry, unit, AMX_PRODUCTS["bf16"], dots)

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """The tile's sums, then its stages and stores."""
        if not unit.bf16:
            raise BuildError(
                "the target has no bfloat16 dot products", "compile for one that has, or for another dtype"
            )
        with building(self.name) as kernel:
            x = self.x.argument("x")
            weight = T.arg("weight", T.Buffer(self.geometry.weight_shape, BFLOAT16))
            bias = T.arg("bias", T.Buffer((self.out.blocks, LANES), "float32"))
            stages = Bf16Stages(self.stages, self.out)

            tile = self._emitter(unit, x, weight, bias)

            def finish(sums: Callable[[int], list[Expr]], place: Sequence[Any]) -> None:
                for block in range(tile.together):
                    stages.store(sums(block), [place[0] + block, place[1], place[2]])

            with bf16_instructions():
                tile.emit(finish)
        return kernel.function

    def _emitter(self, unit: VectorUnit, x: Any, weight: Any, bias: Any) -> DotTile | AmxTile:
        if isinstance(self.tile, AmxChoice):
            return AmxTile(self.geometry, AmxPlan(self.geometry, AMX_PRODUCTS["bf16"], unit.threads), x, weight, bias)
        return DotTile(self.geometry, PAIR_DOT, LANES, x, weight, bias)


@dataclass(frozen=True)
class Bf16MatrixConv(TiledConv):
    """The same by products of matrices; maps may have any block of whole words of channels."""

    word = "bf16_conv"

    def choices(self, unit: VectorUnit) -> Sequence[Tile]:
        """Tiles that may be the quickest, in both orders of tasks."""
        return matrix_choices(self.out, unit, min(self.x.lanes, REGISTER // BFMMLA.item) * BFMMLA.item // WORD)

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """The tile's sums, then its stages and stores."""
        return build_by_lanes(self, unit)
