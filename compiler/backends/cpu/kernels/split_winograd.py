"""Winograd's convolution with products in AMX's tile registers: each float32 as three numbers of bfloat16.

A row of a tile register is a tile of the map at one point. A task spreads its tiles out to the points as others do. It
takes them apart and multiplies them point after point, so that what tile registers load stays in the first level of the
cache; what the next point has is taken apart between the instructions that multiply this one. It is taken apart as
exactly as split_conv.py takes its rows apart: the sums lose no more than Winograd's way does anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, ClassVar

from tvm import tirx
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_registers import (
    LANES,
    ROW,
    SPLIT,
    configured,
    emit,
    load_register,
    store_register,
)
from zcc.compiler.backends.cpu.kernels.amx_steps import Emission, emit_some, pinning, products_and_loads
from zcc.compiler.backends.cpu.kernels.conv_loops import Between, at_once
from zcc.compiler.backends.cpu.kernels.pieces import in_pieces, shape_in_pieces, words_of
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.split_winograd_choices import woven
from zcc.compiler.backends.cpu.kernels.vector import load, named, ramp
from zcc.compiler.backends.cpu.kernels.winograd_choices import AmxWinogradChoice
from zcc.compiler.backends.cpu.kernels.winograd_conv import TileTask, WinogradConv
from zcc.compiler.ir.tensors import BFLOAT16, Array
from zcc.runtime.split_weights import PIECES, TOGETHER
from zcc.runtime.split_winograd_weights import SplitWinogradWeights
from zcc.runtime.winograd_weights import WinogradWeights

BUFFERS = 2  # of words: those of one point are made while those of another are multiplied


@dataclass(frozen=True)
class SplitWinogradConv(WinogradConv):
    """A dense 3x3 convolution of stride 1; `x` includes the border that the taps reach.

    Parameters: x, weight as `expansion` makes it, bias, the operands of the stages, out.
    """

    tile: AmxWinogradChoice

    word: ClassVar[str] = "winograd_split"
    weight_type: ClassVar[str] = BFLOAT16

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Rows of `taps` squared, output blocks, pairs of input blocks, pieces, input lanes, output lanes x 2."""
        return shape_in_pieces(self.expansion)

    def pack(self, dense: Array) -> Array:
        """The weights at the points of the transform, in pieces."""
        return in_pieces(dense, self.expansion)

    @property
    def expansion(self) -> SplitWinogradWeights:
        """How the weights are made of the dense ones, which are stored."""
        shape = (self.out.blocks, self.x.blocks, self.x.lanes, self.out.lanes)
        return SplitWinogradWeights(WinogradWeights(self.transform.points, 1, shape, self.stride))

    def _compute(self, task: TileTask, unit: VectorUnit) -> None:
        """Point after point."""
        choice, points = self.tile, self.transform.products**2
        # What a point's tiles are is taken apart before its products are stored, so these may lie in its place.
        spread = products = self._scratch(max(self.x.blocks, self.groups * choice.blocks))
        words = T.alloc_buffer((BUFFERS, self._pairs, PIECES, choice.tiles, LANES), "uint32")
        self._spread(task, spread)
        self._take_all_apart(spread, words, (0, 0))
        with pinning(), configured(self._shapes), T.serial(0, points) as point:
            # Behind the last point one that nobody multiplies.
            following = named(tirx.min(point + 1, points - 1)), named(tirx.floormod(point + 1, BUFFERS))
            if not self._woven:
                self._take_all_apart(spread, words, following)
            self._multiply_at(task, spread, words, products, (point, following))
        with T.serial(0, self.groups) as group:
            self._gather(task, products, (task.share + group) * choice.blocks, group * choice.blocks)

    @property
    def _pairs(self) -> int:
        return -(-self.x.blocks // TOGETHER)

    @property
    def _parts(self) -> int:
        return self.tile.tiles // self.tile.columns

    @property
    def _woven(self) -> int:
        return woven(self.tile.tiles, self.groups * self._parts)

    @property
    def _shapes(self) -> list[tuple[int, int]]:
        """Rows and their bytes, of the registers of sums, of x and of weights."""
        return [(self.tile.rows, ROW)] * (len(self._sums()) + 1) + [(LANES, ROW)]

    def _take_all_apart(self, spread: Any, words: Any, point: tuple[Any, Any]) -> None:
        with T.grid(self._pairs, self.tile.tiles) as (pair, tile):
            self._take_apart(spread, words, point, (pair, tile), at_once)

    def _take_apart(
        self, spread: Any, words: Any, where: tuple[Any, Any], place: tuple[Any, Any], between: Between
    ) -> None:
        """A vector of a pair of blocks at a point, into the buffer beside it; the weights of no second are zeros."""
        (point, buffer), (pair, tile), tiles, last = where, place, self.tile.tiles, self.x.blocks - 1
        blocks = [pair * TOGETHER, tirx.min(pair * TOGETHER + 1, last)]
        held = [between(load(spread, point, block * tiles + tile, ramp(0, LANES))) for block in blocks]
        for piece, word in enumerate(words_of(held)):
            T.buffer_store(words, word, [buffer, pair, piece, tile, ramp(0, LANES)])

    def _multiply_at(
        self, task: TileTask, spread: Any, words: Any, products: Any, points: tuple[Any, tuple[Any, Any]]
    ) -> None:
        """All products at a point, between whose instructions those of the following one are taken apart."""
        choice, (point, following) = self.tile, points
        taps, held = self._taps(point), tirx.floormod(point, BUFFERS)
        with T.grid(self.groups, self._parts) as (group, part):
            for register in self._sums().values():
                emit("tilezero", register)
            with T.serial(0, self._pairs) as pair:
                block, tile = (task.share + group) * choice.blocks, part * choice.columns
                left = self._step(task.weight, [taps, block, pair], words, [held, pair, tile])
                first = (group * self._parts + part) * self._woven
                self._weave(left, spread, words, following, (pair, first))
            for (column, block), register in self._sums().items():
                row = (group * choice.blocks + block) * choice.tiles + part * choice.columns + column * choice.rows
                store_register(register, products, [point, row, 0], ROW)

    def _weave(
        self, left: list[Emission], spread: Any, words: Any, point: tuple[Any, Any], first: tuple[Any, Any]
    ) -> None:
        """Instructions, and vectors from a tile on that are taken apart; beyond the last tile, that one again."""
        (pair, tile), each = first, -(-len(left) // max(1, self._woven * TOGETHER))
        for number in range(self._woven):
            own = named(tirx.min(tile + number, self.tile.tiles - 1))
            self._take_apart(spread, words, point, (pair, own), partial(emit_some, left, each))
        for instruction in left:
            instruction()

    def _step(self, weight: Any, taps: Sequence[Any], words: Any, place: Sequence[Any]) -> list[Emission]:
        """The instructions that multiply a pair of blocks."""
        sums, (held, pair, tile) = self._sums(), place
        x, weights = len(sums), len(sums) + 1
        made: list[Emission] = []
        steps = products_and_loads(self.tile.registers, self.tile.blocks, SPLIT.pieces)
        for column, block, another_x, other_weights in steps:
            if another_x:
                row = tile + column[0] * self.tile.rows
                made.append(partial(load_register, x, words, [held, pair, column[1], row, 0], ROW))
            if other_weights:
                first = [taps[0], taps[1] + block[0], taps[2], block[1], 0, 0]
                made.append(partial(load_register, weights, weight, first, ROW))
            made.append(partial(emit, SPLIT.instruction, sums[column[0], block[0]], x, weights))
        return made

    def _sums(self) -> dict[tuple[int, int], int]:
        """The registers of sums, by register of tiles and by block."""
        pairs = product(range(self.tile.registers), range(self.tile.blocks))
        return {pair: number for number, pair in enumerate(pairs)}
