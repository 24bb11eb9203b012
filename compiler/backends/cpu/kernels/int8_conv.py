"""Direct convolution of bytes: u8 activations x s8 weights, summed in int32, over channel-packed maps.

The sums start at an int32 per output channel, which holds the bias and what the input's zero point adds. The input is a
map of lanes in fours, or an image of four bytes per pixel; its border holds its zero point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_choices import beside_vectors
from zcc.compiler.backends.cpu.kernels.amx_conv import AmxConv
from zcc.compiler.backends.cpu.kernels.amx_plan import AmxPlan
from zcc.compiler.backends.cpu.kernels.amx_registers import AMX_PRODUCTS, AmxProduct
from zcc.compiler.backends.cpu.kernels.amx_tile import AmxTile
from zcc.compiler.backends.cpu.kernels.byte_dot import BYTE_DOTS, BYTES
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice, Sums, Tile
from zcc.compiler.backends.cpu.kernels.conv_loops import Between, at_once
from zcc.compiler.backends.cpu.kernels.dot_tile import Dot, DotTile, dot_choices
from zcc.compiler.backends.cpu.kernels.matrix_tile import REGISTER, USMMLA, WORD, MatrixTile, matrix_choices
from zcc.compiler.backends.cpu.kernels.quantised_stages import QuantisedStages, declare_map, declare_operands
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.vector import cast, load, named, product, ramp


@dataclass(frozen=True)
class Int8Conv(AmxConv):
    """A dense convolution of bytes; `x` includes the border that the taps reach.

    Parameters: x, weight, start int32 per output channel, scale float32 per output channel (what one unit of the sum
    stands for), the operands of the stages (kernels/quantised_stages.py), out.
    """

    word = "int8_conv"

    per_word = BYTES

    def dot(self, unit: VectorUnit) -> Dot:
        """The way that is right for all weights."""
        return BYTE_DOTS[unit.dot][-1]

    def taken_off(self, unit: VectorUnit) -> int:
        """What is taken off every input, so that sums start at that much more times the weights."""
        return self.dot(unit).taken_off

    @property
    def product(self) -> AmxProduct:
        """How tile registers multiply."""
        return AMX_PRODUCTS["int8"]

    def emitter(self, unit: VectorUnit, x: Any, weight: Any, start: Any) -> DotTile | MatrixTile | AmxTile:
        """The loops, for the declared operands."""
        if isinstance(self.tile, AmxChoice):
            return AmxTile(self.geometry, AmxPlan(self.geometry, self.product, unit.threads), x, weight, start)
        lanes = min(unit.lanes, self.out.lanes)
        return DotTile(self.geometry, self.dot(unit), lanes, x, weight, start)

    def choices(self, unit: VectorUnit) -> Sequence[Sums]:
        """Tiles that may be the quickest, in both orders of tasks."""
        dots = dot_choices(self.out, unit, self.dot(unit))
        return beside_vectors(self.geometry, unit, self.product, dots)

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """The tile's sums, then its stages and stores."""
        lanes, channels = min(unit.lanes, self.out.lanes), (self.out.blocks, self.out.lanes)
        with building(self.name) as kernel:
            x = self.x.argument("x")
            weight = T.arg("weight", T.Buffer(self.weight_shape, "int8"))
            start = T.arg("start", T.Buffer(channels, "int32"))
            scale = T.arg("scale", T.Buffer(channels, "float32"))
            stages = QuantisedStages(self.stages, declare_operands(self.stages), declare_map(self.out, "out"), unit)
            tile = self.emitter(unit, x, weight, start)

            def finish(sums: Callable[[int], list[Expr]], place: Sequence[Any], between: Between = at_once) -> None:
                stages.hold()
                for block in range(tile.together):
                    scales = [load(scale, place[0] + block, ramp(part, lanes)) for part in tile.parts]
                    factors = [named(stages.scaled(vector)) for vector in scales]
                    values = [
                        product(cast("float32", total), factors[number % len(factors)])
                        for number, total in enumerate(sums(block))
                    ]
                    stages.store(values, [place[0] + block, place[1], place[2], 0], between)

            tile.emit(finish)
        return kernel.function


@dataclass(frozen=True)
class ShortSumConv(Int8Conv):
    """The same for weights of which the products of several words are known to fit 16 bits together."""

    short: int  # how many words

    def dot(self, unit: VectorUnit) -> Dot:
        """The way that adds so many in 16 bits."""
        return next(dot for dot in BYTE_DOTS[unit.dot] if dot.short == self.short)


@dataclass(frozen=True)
class MatrixConv(Int8Conv):
    """The same by products of matrices, for maps of whole registers of channels."""

    per_word = WORD

    def choices(self, unit: VectorUnit) -> Sequence[Tile]:
        """Tiles that may be the quickest, in both orders of tasks."""
        return matrix_choices(self.out, unit, REGISTER // WORD)

    def taken_off(self, unit: VectorUnit) -> int:
        """Bytes are multiplied as they are."""
        return 0

    def emitter(self, unit: VectorUnit, x: Any, weight: Any, start: Any) -> MatrixTile:
        """The loops, for the declared operands."""
        return MatrixTile(self.geometry, USMMLA, x, weight, start)


def by_matrices(x: Slab, unit: VectorUnit) -> bool:
    """Whether a unit multiplies a map's bytes so: fewest instructions of all, where registers of them are whole."""
    return unit.dot == "usdot" and x.lanes % REGISTER == 0
