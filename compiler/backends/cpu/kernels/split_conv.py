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
from functools import partial
from math import prod
from typing import Any

from tvm import tirx
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_choices import beside_vectors
from zcc.compiler.backends.cpu.kernels.amx_conv import AmxConv
from zcc.compiler.backends.cpu.kernels.amx_registers import LANES, ROW, SPLIT, load_register
from zcc.compiler.backends.cpu.kernels.amx_steps import Emission, Operand, emit_some
from zcc.compiler.backends.cpu.kernels.amx_tile import AmxTile, Held
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice
from zcc.compiler.backends.cpu.kernels.conv_loops import Between, ConvGeometry, at_once
from zcc.compiler.backends.cpu.kernels.float_stages import finishing
from zcc.compiler.backends.cpu.kernels.joined_rows import join_rows
from zcc.compiler.backends.cpu.kernels.pieces import in_pieces, shape_in_pieces, words_of
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.split_plan import SplitPlan
from zcc.compiler.backends.cpu.kernels.split_winograd_choices import split_winograd_choices
from zcc.compiler.backends.cpu.kernels.vector import load, named, ramp
from zcc.compiler.backends.cpu.kernels.winograd_choices import AmxWinogradChoice, WinogradChoice
from zcc.compiler.ir.tensors import BFLOAT16, Array
from zcc.runtime.split_weights import PIECES, TOGETHER, SplitWeights

DOUBT = 1.1  # times the cycles of tiles of all taps that Winograd's way of stride 2 may be expected to take
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
        own = ConvGeometry(pairs, self.out, self.kernel, self.stride, self.dilation, self.tile, self.per_word)
        return join_rows(own)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Output blocks, pairs of input blocks, rows, columns, pieces, words of input lanes, output lanes x 2."""
        return shape_in_pieces(self.expansion)

    def pack(self, dense: Array) -> Array:
        """The weights in pieces."""
        return in_pieces(dense, self.expansion)

    @property
    def expansion(self) -> SplitWeights:
        """How the weights are made of the dense ones, which are stored."""
        return SplitWeights((self.out.blocks, self.x.blocks, *self.kernel, self.x.lanes, self.out.lanes))

    def beside(self, forms: Sequence[Any], unit: VectorUnit) -> Sequence[Any]:
        """Its tiles in tile registers, and forms in vector units; first those that are expected to be quicker."""
        few = isinstance(forms[0], WinogradChoice) and self.stride == (1, 1)
        product = replace(SPLIT, beside=BESIDE_WINOGRAD) if few else SPLIT
        offered = beside_vectors(self.geometry, unit, product, forms)
        found = self._by_winograd(unit)
        points = tuple(choice for _, choice in found)
        pays = bool(found) and self._winograd_pays(found[0][0], offered[0], unit)
        return (*points, *offered) if pays else (*offered, *points)

    def _by_winograd(self, unit: VectorUnit) -> Sequence[tuple[float, AmxWinogradChoice]]:
        stride = self.winograd_stride
        found = stride is not None and self.x.lanes == self.out.lanes
        return split_winograd_choices(self.x, self.out, unit.threads, stride) if found else ()

    def _winograd_pays(self, cycles: float, best: Any, unit: VectorUnit) -> bool:
        """Where there are pairs of blocks beside Winograd's way in vector units, else by the cycles expected.

        With pairs it took 0.43 to 0.98 of the time for maps of YOLOv8n and YOLOv5s, by itself on a core of an Emerald
        Rapids; with one block, half of each pair is zeros, and it took 1.2 times as long.
        """
        if not isinstance(best, AmxChoice):
            return isinstance(best, WinogradChoice) and self.x.blocks >= TOGETHER
        out = self.out
        direct = SplitPlan(replace(self.geometry, tile=best), SPLIT, unit.threads).cycles() / unit.threads
        return cycles < DOUBT * direct * out.blocks * out.height * out.width

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
    """The tile of sums whose operands are in pieces: x in those that its task makes, for a panel after the other."""

    plan: SplitPlan
    blocks: int  # of x

    def _gathered(self, number: Any) -> Held:
        """The rows that a task reads, a pair of blocks and a piece after the other: two channels in a word."""
        plan = self.plan
        rows, width = self._read
        words = T.alloc_buffer((plan.held_pairs, PIECES, rows, width, LANES), "uint32")
        held = words, named(self._task(number)[1] * plan.rows)
        with T.grid(plan.panel[0], rows, width) as place:
            self._take_apart(held, place, at_once)
        return held

    @property
    def _read(self) -> tuple[int, int]:
        """Rows of x that a task reads, and their width."""
        return self.plan.rows_inside(self.plan.rows), self.geometry.x.width

    def _take_apart(self, held: Held, place: Sequence[Any], between: Between) -> None:
        """A vector of a pair of blocks; where there is no second block, its weights are zeros."""
        (words, top), (pair, row, column), last = held, place, self.blocks - 1
        at = self.geometry.in_map(top * self.geometry.stride[0] + row, column)
        blocks = [pair * TOGETHER, tirx.min(pair * TOGETHER + 1, last)]
        values = [between(load(self.x, block, *at, ramp(0, LANES))) for block in blocks]
        for piece, word in enumerate(words_of(values)):
            T.buffer_store(words, word, [self._slot(pair), piece, row, column, ramp(0, LANES)])

    def _slot(self, pair: Any) -> Any:
        return tirx.floormod(pair, self.plan.held_pairs)

    def _plain(self, panel: Any, place: Sequence[Any], held: Held | None, tile: Any) -> None:
        """While there are more pairs to come, those of the next panel are taken apart between the instructions."""
        plan = self.plan
        following = tirx.floordiv(panel, plan.parts) + 1
        if plan.panels == plan.parts:
            self._steps(0, panel, place, held, tile)
            return
        with T.If(following * plan.parts < plan.panels):
            with T.Then():
                self._steps_beside(panel, following, place, held, tile)
            with T.Else():
                self._steps(0, panel, place, held, tile)

    def _steps_beside(self, panel: Any, following: Any, place: Sequence[Any], held: Held | None, tile: Any) -> None:
        assert held is not None
        plan, steps = self.plan, prod(self.plan.panel)
        rows, width = self._read
        vectors = plan.panel[0] * rows * width
        each = -(-vectors // (plan.tiles * plan.parts * steps))
        with T.serial(0, steps) as step:
            tap = [named(index) for index in self._tap(panel, step)]
            done = (tirx.floormod(panel, plan.parts) * plan.tiles + tile) * steps + step
            first = named(done * each)
            with T.If(first < vectors):
                with T.Then():
                    left: list[Emission] = [partial(instruction, tap, place, held) for instruction in self._step]
                    count = -(-len(left) // (each * TOGETHER))
                    for number in range(each):
                        vector = named(tirx.min(first + number, vectors - 1))
                        pair = following * plan.panel[0] + tirx.floordiv(vector, rows * width)
                        within = named(tirx.floormod(vector, rows * width))
                        at = named(pair), named(tirx.floordiv(within, width)), named(tirx.floormod(within, width))
                        self._take_apart(held, at, partial(emit_some, left, count))
                    for instruction in left:
                        instruction()
                with T.Else():
                    for instruction in self._step:
                        instruction(tap, place, held)

    def _load_x(
        self, register: int, operand: Operand, tap: Sequence[Any], place: Sequence[Any], held: Held | None
    ) -> None:
        assert held is not None
        (words, top), geometry, (pair, ky, kx, _) = held, self.geometry, tap
        row = (place[1] - top) * geometry.stride[0] + ky * geometry.dilation[0]
        pixel = (place[2] + operand[0] * self.plan.register_rows) * geometry.stride[1] + kx * geometry.dilation[1]
        load_register(register, words, [self._slot(pair), operand[1], row, pixel, 0], geometry.stride[1] * ROW)

    def _load_weights(
        self, register: int, operand: Operand, tap: Sequence[Any], place: Sequence[Any], _: Held | None
    ) -> None:
        (pair, ky, kx, _), (block, part) = tap, self.outputs[operand[0]]
        first = [place[0] + block, pair, ky, kx, operand[1], 0, part * self.geometry.per_word]
        load_register(register, self.weight, first, self.pitch)

    def _fetch_of_first(self, tap: Sequence[Any], place: Sequence[Any], tile: Any) -> None:
        """Nothing: to fetch the 48 lines of a step took longer than to wait for them, on one thread and on sixteen."""
