"""Winograd's convolution of 3x3 taps: tiles of outputs from far fewer multiply-adds than they have taps.

A task takes some tiles of the map. It spreads their inputs out to the points of the transform, in memory of its own
that stays in the cache; multiplies at every point, a matrix product with a register tile of (output blocks x tiles)
like that of the direct convolution; and gathers the products of each tile to outputs, with bias and elementwise stages.
Tiles at the far edges of a map that they do not divide overlap their neighbours, and write only what those do not.
In steps of two, some inputs of a tile are multiplied as they are; those that meet the same tap share its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod
from typing import Any, ClassVar

import numpy as np
from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.stages import StageSpec, apply_stages, describe_stages, stage_arguments
from zcc.compiler.backends.cpu.kernels.stored import as_float, as_stored
from zcc.compiler.backends.cpu.kernels.vector import f32s, in_all_lanes, load, named, prefetch, ramp
from zcc.compiler.backends.cpu.kernels.winograd_choices import CACHE, WinogradChoice, map_tiles
from zcc.compiler.backends.cpu.kernels.winograd_transforms import TRANSFORMS, Array, Transform
from zcc.runtime.expansion import Order
from zcc.runtime.winograd_weights import WinogradWeights

FLOAT, LINE = 4, 64  # bytes
AHEAD = 16384  # bytes of weights from what is fetched to what is multiplied; 8 to 64 KiB did as well


@dataclass(frozen=True)
class WinogradConv:
    """A dense 3x3 convolution of stride 1 or 2 along both axes; `x` includes the border that the taps reach.

    Parameters: x, weight as `expansion` makes it, bias, the operands of the stages, out.
    """

    x: Slab
    out: Slab
    stages: tuple[StageSpec, ...]
    tile: WinogradChoice
    stride: int = 1

    word: ClassVar[str] = "winograd"  # what the kernel's name begins with
    weight_type: ClassVar[str] = "float32"

    @property
    def name(self) -> str:
        """For example `winograd4s1_64_128_80x80_silu`."""
        channels = f"{self.x.blocks * self.x.lanes}_{self.out.blocks * self.out.lanes}"
        size = f"{self.out.height}x{self.out.width}"
        return f"{self.word}{self.tile.size}s{self.stride}_{channels}_{size}{describe_stages(self.stages)}"

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Groups of output blocks, rows of `taps` squared, input blocks and lanes, blocks of a group, output lanes."""
        blocks = self.tile.blocks
        rows = len(self.transform.taps)
        return (self.out.blocks // blocks, rows**2, self.x.blocks, self.x.lanes, blocks, self.out.lanes)

    def stored(self, dense: Array) -> Array:
        """What `expansion` makes the weights of."""
        return dense

    def pack(self, dense: Array) -> Array:
        """The weights at the points of the transform."""
        made = np.empty(self.weight_shape, np.float32)
        self.expansion.fill(dense, made)
        return made

    @property
    def expansion(self) -> Order:
        """How the weights are made of the dense ones, which are stored."""
        shape = (self.out.blocks, self.x.blocks, self.x.lanes, self.out.lanes)
        return WinogradWeights(self.transform.points, self.tile.blocks, shape, self.stride)

    @property
    def transform(self) -> Transform:
        """How a row of a tile is spread and gathered."""
        return TRANSFORMS[self.stride, self.tile.size]

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Spread, multiply and gather, task after task."""
        choice, out = self.tile, self.out
        tiles = Tiles(out, choice.size)
        chunks = -(-tiles.count // choice.tiles)
        with building(self.name) as kernel:
            x = self.x.argument("x")
            weight = T.arg("weight", T.Buffer(self.weight_shape, self.weight_type))
            bias = T.arg("bias", T.Buffer((out.blocks, out.lanes), "float32"))
            operands = stage_arguments(self.stages)
            result = out.argument("out")
            with T.parallel(0, choice.shares * chunks) as task:
                first = named(tirx.floormod(task, chunks) * choice.tiles)
                share = named(tirx.floordiv(task, chunks) * self.groups)
                self._compute(TileTask(x, weight, bias, operands, result, tiles, first, share), unit)
        return kernel.function

    @property
    def groups(self) -> int:
        """Those of output blocks that a task has."""
        return self.out.blocks // self.tile.blocks // self.tile.shares

    def _compute(self, task: TileTask, unit: VectorUnit) -> None:
        """A group of output blocks after the other."""
        spread, products = self._scratch(self.x.blocks), self._scratch(self.tile.blocks)
        self._spread(task, spread)
        with T.serial(0, self.groups) as group:
            self._multiply(task.weight, task.share + group, spread, products, unit)
            self._gather(task, products, (task.share + group) * self.tile.blocks)

    def _scratch(self, vectors: int) -> Any:
        """So many vectors for each point and tile of a task."""
        # An odd number of them, so that the points of a tile do not all fall into one set of the cache.
        count = vectors * self.tile.tiles | 1
        return T.alloc_buffer((self.transform.products**2, count, self.out.lanes), "float32")

    def _spread(self, task: TileTask, spread: Any) -> None:
        side, count, x = self.transform.products, self.tile.tiles, self.x
        with T.serial(0, x.blocks) as block, T.serial(0, count) as tile:
            top, left = (named(place * self.stride) for place in task.tiles.corner(task.first + tile))
            with T.vectorized(0, x.lanes) as lane:
                rows = [
                    [as_float(task.x[block, top + i, left + j, lane], x.dtype) for j in range(side)]
                    for i in range(side)
                ]
                for point, value in enumerate(_both_ways(self.transform.spread, rows)):
                    T.buffer_store(spread, value, [point, block * count + tile, lane])

    def _multiply(self, weight: Any, group: Expr, spread: Any, products: Any, unit: VectorUnit) -> None:
        """The loop over input channels stays rolled, since unrolling it makes LLVM spill."""
        choice, lanes = self.tile, self.out.lanes
        tile = range(choice.blocks), range(choice.columns)
        vector = ramp(0, lanes)
        with T.serial(0, self.transform.products**2) as point, T.serial(0, choice.tiles // choice.columns) as part:
            at, taps = named(part * choice.columns), self._taps(point)
            sums = [T.alloc_buffer((choice.columns, lanes), "float32") for _ in tile[0]]
            for block, column in product(*tile):
                T.buffer_store(sums[block], f32s(0.0, lanes), [column, vector])
            with T.serial(0, self.x.blocks) as c:
                rows = [c * choice.tiles + at + column for column in tile[1]]
                for channel, xs in self._channels(spread, point, rows, unit):
                    self._fetch_ahead(weight, (group, taps, c, channel))
                    weights = [named(load(weight, group, taps, c, channel, block, vector)) for block in tile[0]]
                    values = [named(x) for x in xs]
                    for block, column in product(*tile):
                        value = in_all_lanes(values[column], lanes) * weights[block]
                        T.buffer_store(sums[block], load(sums[block], column, vector) + value, [column, vector])
            for block, column in product(*tile):
                place = [point, block * choice.tiles + at + column, vector]
                T.buffer_store(products, load(sums[block], column, vector), place)

    def _channels(
        self, spread: Any, point: Expr, rows: Sequence[Expr], unit: VectorUnit
    ) -> Iterator[tuple[Any, list[Expr]]]:
        """Each channel of a block, and what it holds in some rows: scalars, or a lane that operands are taken from."""
        lanes = self.out.lanes
        if not unit.by_lane:
            with T.serial(0, lanes) as channel:
                yield channel, [spread[point, row, channel] for row in rows]
            return
        for first in range(0, lanes, unit.lanes):
            held = [named(load(spread, point, row, ramp(first, unit.lanes))) for row in rows]
            for lane in range(unit.lanes):
                yield first + lane, [in_all_lanes(vector, lanes, lane) for vector in held]

    def _fetch_ahead(self, weight: Any, place: Sequence[Any]) -> None:
        """Where the weights do not stay in the cache, have those on their way that are multiplied somewhat later.

        With AVX2 (Zen 4, one thread) 256 to 512 channels of stride 2 at 20x20 took 5.6 ms so, and 7.0 without.
        """
        if FLOAT * prod(self.weight_shape) <= CACHE:
            return
        *outer, channel = place
        step = FLOAT * self.tile.blocks * self.out.lanes  # bytes of a channel
        for line in range(0, step, LINE):
            block, lane = divmod(line // FLOAT, self.out.lanes)
            prefetch(weight, *outer, channel + -(-AHEAD // step), block, lane)

    def _taps(self, point: Expr) -> Expr:
        """Which of the weights the products of a point are taken with."""
        side, rows = self.transform.products, len(self.transform.taps)
        row, column = (tirx.min(place, rows - 1) for place in (tirx.floordiv(point, side), tirx.floormod(point, side)))
        return named(row * rows + column)

    def _gather(self, task: TileTask, products: Any, block: Expr, held: Any = 0) -> None:
        """Outputs of a group, the first of whose blocks is so far behind what else is held of the products."""
        side, count, out, tiles = self.transform.products, self.tile.tiles, self.out, task.tiles
        with T.serial(0, self.tile.blocks) as inner, T.serial(0, count) as tile:
            top, left = tiles.corner(task.first + tile)
            columns = [T.alloc_buffer((tiles.size, out.lanes), "float32") for _ in range(tiles.size)]
            with T.vectorized(0, out.lanes) as lane:
                row = (held + inner) * count + tile
                rows = [[products[i * side + j, row, lane] for j in range(side)] for i in range(side)]
                for place, value in enumerate(_both_ways(self.transform.gather, rows)):
                    row, column = divmod(place, tiles.size)
                    T.buffer_store(columns[column], value, [row, lane])
            with T.serial(0, tiles.size) as row:
                for column, sums in enumerate(columns):
                    with tiles.owned(task.first + tile, row, column), T.vectorized(0, out.lanes) as lane:
                        index = [block + inner, top + row, left + column, lane]
                        value = sums[row, lane] + task.bias[block + inner, lane]
                        done = apply_stages(value, self.stages, task.operands, index)
                        T.buffer_store(task.result, as_stored(done, out.dtype), index)


@dataclass(frozen=True)
class TileTask:
    """What a task works on: the kernel's operands, and which tiles and groups of output blocks are its own."""

    x: Any
    weight: Any
    bias: Any
    operands: list[Any]
    result: Any
    tiles: Tiles
    first: Expr  # of the tiles
    share: Expr  # the first of the groups


@dataclass(frozen=True)
class Tiles:
    """The tiles of a map, row after row; numbers beyond the last mean the last."""

    out: Slab
    size: int

    @property
    def across(self) -> int:
        return -(-self.out.width // self.size)

    @property
    def count(self) -> int:
        return map_tiles(self.size, self.out)

    def _place(self, number: Expr) -> tuple[Expr, Expr]:
        existing = tirx.min(number, self.count - 1)
        return tirx.floordiv(existing, self.across) * self.size, tirx.floormod(existing, self.across) * self.size

    def corner(self, number: Expr) -> tuple[Expr, Expr]:
        """The tile's first row and column; at a far edge it overlaps its neighbour."""
        row, column = self._place(number)
        return (
            named(tirx.min(row, self.out.height - self.size)),
            named(tirx.min(column, self.out.width - self.size)),
        )

    @contextmanager
    def owned(self, number: Expr, row: Expr, column: int) -> Iterator[None]:
        """Emit what follows for outputs that are the tile's own: another task may write those of the neighbour."""
        top, left = self._place(number)
        conditions = []
        if self.out.height % self.size:
            conditions.append(tirx.min(top, self.out.height - self.size) + row >= top)
        if self.out.width % self.size:
            conditions.append(tirx.min(left, self.out.width - self.size) + column >= left)
        if not conditions:
            yield
            return
        with T.If(reduce(tirx.And, conditions)), T.Then():
            yield


def _both_ways(transform: Callable[[Sequence[Expr]], list[Expr]], rows: list[list[Expr]]) -> list[Expr]:
    """A transform of the rows of a tile and then of its columns, row after row."""
    lines = [[named(value) for value in transform(row)] for row in rows]
    columns = [transform(list(column)) for column in zip(*lines, strict=True)]
    return [value for row in zip(*columns, strict=True) for value in row]
