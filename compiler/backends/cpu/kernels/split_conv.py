"""Convolution of float32 numbers in AMX's tile registers: each as three numbers of bfloat16.

A float32 is the sum of three bfloat16 numbers: its first eight digits, the eight behind them, and the last eight. Of
the nine products of two such numbers the six largest are summed, in float32; those that are left out are below the
last digit of the product. The sums are as close to double precision as multiply-adds in float32 make them, and closer
than Winograd's way does.

A task takes the rows apart that it reads. What the runtime makes of the weights when it loads them is in
zcc/runtime/split_weights.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_choices import beside_vectors
from zcc.compiler.backends.cpu.kernels.amx_conv import AmxConv
from zcc.compiler.backends.cpu.kernels.amx_plan import LANES
from zcc.compiler.backends.cpu.kernels.amx_registers import AMX_PRODUCTS, ROW, load_register
from zcc.compiler.backends.cpu.kernels.amx_steps import Operand
from zcc.compiler.backends.cpu.kernels.amx_tile import AmxTile, Held
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.float_stages import finishing
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.split_plan import SplitPlan
from zcc.compiler.backends.cpu.kernels.vector import as_type, broadcast, load, named, ramp
from zcc.compiler.backends.cpu.kernels.winograd_choices import WinogradChoice
from zcc.compiler.ir.tensors import BFLOAT16, Array
from zcc.runtime.split_weights import PIECES, TOGETHER, SplitWeights

HIGH, SHIFT = 0xFFFF0000, 16  # of a float32: the bits that bfloat16 keeps, and how many it does not
SPLIT = AMX_PRODUCTS["fp32"]
BESIDE_WINOGRAD = 0.4  # what `SPLIT.beside` is where vector units have Winograd's way of stride 1


def splits(x: Slab, unit: VectorUnit) -> bool:
    """Whether a unit multiplies pieces of a map's numbers, and a tile register's row is two blocks of them."""
    return SPLIT.dtype in unit.amx and x.lanes == LANES and x.dtype == "float32"


@dataclass(frozen=True)
class SplitConv(AmxConv):
    """A dense convolution; `x` includes the border that the taps reach.

    Parameters: x, weight as `expansion` makes it, bias, the operands of the stages, out.
    """

    word = "split_conv"
    per_word = TOGETHER

    @property
    def geometry(self) -> ConvGeometry:
        """What is summed: channels of two neighbouring blocks side by side."""
        x = self.x
        pairs = Slab.dense(-(-x.blocks // TOGETHER), x.height, x.width, TOGETHER * x.lanes, BFLOAT16)
        return ConvGeometry(pairs, self.out, self.kernel, self.stride, self.dilation, self.tile, self.per_word)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Output blocks, pairs of input blocks, rows, columns, pieces, words of input lanes, output lanes x 2."""
        *outer, filled, word = self.expansion.made_shape
        return (*outer, filled * word)

    def pack(self, dense: Array) -> Array:
        """The weights in pieces."""
        made = np.empty(self.expansion.made, np.float32)
        self.expansion.fill(np.ascontiguousarray(dense, np.float32), made)
        return made.view(np.uint16).reshape(self.weight_shape)

    @property
    def expansion(self) -> SplitWeights:
        """How the weights are made of the dense ones, which are stored."""
        return SplitWeights((self.out.blocks, self.x.blocks, *self.kernel, self.x.lanes, self.out.lanes))

    def beside(self, forms: Sequence[Any], unit: VectorUnit) -> Sequence[Any]:
        """Its tiles in tile registers, and forms in vector units; first those that are expected to be quicker."""
        few = isinstance(forms[0], WinogradChoice) and self.stride == (1, 1)
        product = replace(SPLIT, beside=BESIDE_WINOGRAD) if few else SPLIT
        return beside_vectors(self.geometry, unit, product, forms)

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """The tile's sums, then its stages and stores."""
        geometry = self.geometry
        with building(self.name) as kernel:
            x = self.x.argument("x")
            weight = T.arg("weight", T.Buffer(self.weight_shape, BFLOAT16))
            bias = T.arg("bias", T.Buffer((self.out.blocks, self.out.lanes), "float32"))
            finish = finishing(self, SplitTile.together)
            plan = SplitPlan(geometry, SPLIT, unit.threads)
            SplitTile(geometry, plan, x, weight, bias, self.x.blocks).emit(finish)
        return kernel.function


@dataclass(frozen=True)
class SplitTile(AmxTile):
    """The tile of sums whose operands are in pieces: x in those that its task has made."""

    blocks: int  # of x

    def _gathered(self, number: Any) -> Held:
        """The rows that a task reads, a pair of blocks and a piece after the other: two channels in a word."""
        plan, pairs = self.plan, self.geometry.x
        rows = plan.rows_inside(plan.rows)
        words = T.alloc_buffer((pairs.blocks, PIECES, rows, pairs.width, LANES), "uint32")
        top = named(self._task(number)[1] * plan.rows)
        with T.grid(rows, pairs.width) as (row, column):
            place = top * self.geometry.stride[0] + row, column
            for pair in range(pairs.blocks):
                blocks = range(TOGETHER * pair, min(TOGETHER * (pair + 1), self.blocks))
                values = [named(load(self.x, block, *place, ramp(0, LANES))) for block in blocks]
                for piece, word in enumerate(_words(values)):
                    T.buffer_store(words, word, [pair, piece, row, column, ramp(0, LANES)])
        return words, top

    def _load_x(
        self, register: int, operand: Operand, tap: Sequence[Any], place: Sequence[Any], held: Held | None
    ) -> None:
        assert held is not None
        (words, top), geometry, (pair, ky, kx, _) = held, self.geometry, tap
        row = (place[1] - top) * geometry.stride[0] + ky * geometry.dilation[0]
        pixel = (place[2] + operand[0] * self.plan.register_rows) * geometry.stride[1] + kx * geometry.dilation[1]
        load_register(register, words, [pair, operand[1], row, pixel, 0], geometry.stride[1] * ROW)

    def _load_weights(
        self, register: int, operand: Operand, tap: Sequence[Any], place: Sequence[Any], _: Held | None
    ) -> None:
        (pair, ky, kx, _), (block, part) = tap, self.outputs[operand[0]]
        first = [place[0] + block, pair, ky, kx, operand[1], 0, part * self.geometry.per_word]
        load_register(register, self.weight, first, self.pitch)

    def _fetch_of_first(self, tap: Sequence[Any], place: Sequence[Any], tile: Any) -> None:
        """Nothing: to fetch the 48 lines of a step took longer than to wait for them, on one thread and on sixteen."""


def _words(values: Sequence[Expr]) -> list[Expr]:
    """For each piece, that of the first value in the low half of a word, and of the second in the high one."""
    left, words = list(values), []
    for _ in range(PIECES):
        bits = [named(_bits(value) & _constant(HIGH)) for value in left]
        left = [named(value - as_type(str(value.ty.dtype), high)) for value, high in zip(left, bits, strict=True)]
        low = tirx.shift_right(bits[0], _constant(SHIFT))
        words.append(low if len(bits) == 1 else low | bits[1])
    return words


def _bits(value: Expr) -> Expr:
    return as_type(f"uint32x{LANES}", value)


def _constant(value: int) -> Expr:
    return broadcast(tirx.const(value, "uint32"), LANES)
