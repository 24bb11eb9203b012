"""Direct convolution of numbers of 16 bits in pairs, summed in fp32, over channel-packed maps of 16 lanes.

The input may also be an image of four channels per pixel; its border holds zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_choices import beside_vectors
from zcc.compiler.backends.cpu.kernels.amx_conv import AmxConv
from zcc.compiler.backends.cpu.kernels.amx_plan import AmxPlan
from zcc.compiler.backends.cpu.kernels.amx_registers import AMX_PRODUCTS, AmxProduct
from zcc.compiler.backends.cpu.kernels.amx_tile import AmxTile
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice, Sums
from zcc.compiler.backends.cpu.kernels.conv_loops import Between, at_once
from zcc.compiler.backends.cpu.kernels.dot_tile import DotTile, dot_choices
from zcc.compiler.backends.cpu.kernels.pair_stages import PairStages
from zcc.compiler.backends.cpu.kernels.pairs import LANES, PAIR, PairNumbers
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.runtime.errors import BuildError


@dataclass(frozen=True)
class PairConv(AmxConv):
    """A dense convolution; `x` includes the border that the taps reach.

    Parameters: x, weight, bias float32 per output channel, the operands of the stages, out.
    """

    per_word = PAIR
    numbers: ClassVar[PairNumbers]

    @property
    def product(self) -> AmxProduct:
        """How tile registers multiply."""
        return AMX_PRODUCTS[self.numbers.dtype]

    def choices(self, unit: VectorUnit) -> Sequence[Sums]:
        """Tiles that may be the quickest, in both orders of tasks."""
        dots = dot_choices(self.out, unit, self.numbers.dot) if self.numbers.dot else ()
        return self.beside(dots, unit)

    def beside(self, forms: Sequence[Any], unit: VectorUnit) -> Sequence[Any]:
        """Its tiles in tile registers, and forms in vector units; first those that are expected to be quicker."""
        return beside_vectors(self.geometry, unit, self.product, forms)

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """The tile's sums, then its stages and stores."""
        numbers = self.numbers
        if not numbers.computed(unit):
            raise BuildError(
                f"the target has no products of {numbers.name} pairs",
                "compile for one that has, or for another dtype",
            )
        with building(self.name) as kernel:
            x = self.x.argument("x")
            weight = T.arg("weight", T.Buffer(self.weight_shape, numbers.stored))
            bias = T.arg("bias", T.Buffer((self.out.blocks, LANES), "float32"))
            stages = PairStages(self.stages, self.out, numbers)

            tile = self._emitter(unit, x, weight, bias)

            def finish(sums: Callable[[int], list[Expr]], place: Sequence[Any], between: Between = at_once) -> None:
                for block in range(tile.together):
                    stages.store(sums(block), [place[0] + block, place[1], place[2]], between)

            with numbers.instructions():
                tile.emit(finish)
        return kernel.function

    def _emitter(self, unit: VectorUnit, x: Any, weight: Any, bias: Any) -> DotTile | AmxTile:
        if self.numbers.dot is None or isinstance(self.tile, AmxChoice):
            return AmxTile(self.geometry, AmxPlan(self.geometry, self.product, unit.threads), x, weight, bias)
        return DotTile(self.geometry, self.numbers.dot, LANES, x, weight, bias)
