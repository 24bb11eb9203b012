"""The tile of a convolution by dot products: a few neighbouring input channels, 32 bits together, at every step.

A tile of (output blocks x output columns) sums lives in registers. For every tap and word of input channels, a vector
of weights per part of a block and one word per column feed all of them. Tasks are (group of output blocks, output row)
pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.choices import Tile, in_both_orders, worth_trying
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry, Finish, each_tile
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.vector import as_type, in_all_lanes, load, named, ramp

Operands = tuple[Expr, ...]
Sums = dict[tuple[int, int], Any]  # by block of the tile and first lane of the part: vectors of a column each
# Cycles in the cost of a tile, chosen by hand: `python -m benchmarks.low_precision --dtype int8` (or bf16) times
# YOLOv5s's convolutions in the first tile against the peak of the dot products, `python -m benchmarks.tuning
# MODEL.onnx` against the best tile on record.
LATENCY = 12  # steps until a sum can be added to again, times how many begin in a cycle
SHORT_STEP = 0.3  # what a step of short sums, of which none waits for another, takes beside those of its vectors
OPERAND = 0.05  # of preparing an operand, which most other work hides
SINGLE = 0.05  # of a vector that is stored alone instead of four together
MOST_BLOCKS = 8
SPARE = 1  # registers for constants


@dataclass(frozen=True)
class Dot:
    """A way to add the dot products of words: `x` and `weight` prepare an operand, `add` adds the product of two."""

    x: Callable[[Expr, int], Operands]  # a word as an int32, or in all lanes of a register, and for how many lanes
    weight: Callable[[Expr], Operands]
    add: Callable[[Expr, Operands, Operands], Expr]
    prepared: int = 1  # registers that a prepared operand takes
    short: int = 0  # words whose products are added in 16 bits first; 0 where all sums have 32
    taken_off: int = 0  # from every byte of x before it is multiplied: sums start at that much more times the weights
    takes_lane: bool = False  # whether the instruction takes x from any lane of a register, as `x` takes it in all

    @property
    def words(self) -> int:
        """The words of one step."""
        return max(self.short, 1)

    def time(self, vectors: int) -> float:
        """What a step takes, where a vector of sums takes 1 in the best case."""
        return vectors + SHORT_STEP if self.short else max(vectors, LATENCY)


def choose_tile(out: Slab, unit: VectorUnit, dot: Dot) -> Tile:
    """The tile of least expected cost."""
    return ranked_tiles(out, unit, dot)[0]


def dot_choices(out: Slab, unit: VectorUnit, dot: Dot) -> Sequence[Tile]:
    """Tiles that may be the quickest, in both orders of tasks."""
    return in_both_orders(ranked_tiles(out, unit, dot), out)


def ranked_tiles(out: Slab, unit: VectorUnit, dot: Dot) -> list[Tile]:
    """The tiles worth trying by expected cost, in cycles per useful vector of sums.

    Below a dot's latency of sums at once a sum waits for itself. Overlapping columns are computed twice, vectors beyond
    a multiple of four are stored one by one, and tasks that do not share out evenly leave threads idle at the end.
    """
    parts = max(out.lanes // unit.lanes, 1)

    def cost(tile: Tile) -> tuple[float, int]:
        vectors = tile.blocks * tile.columns * parts
        operands = OPERAND * (tile.blocks * parts + tile.columns) * dot.prepared
        single = SINGLE * tile.blocks * (tile.columns * parts % 4)
        computed = -(-out.width // tile.columns) * tile.columns / out.width
        tasks = out.blocks // tile.blocks * out.height
        rounds = -(-tasks // unit.threads) * unit.threads
        return (dot.time(vectors) + operands + single) / vectors * computed * rounds / tasks, vectors

    tiles = [
        Tile(blocks, columns)
        for blocks in range(1, min(out.blocks, MOST_BLOCKS) + 1)
        for columns in range(1, out.width + 1)
        if out.blocks % blocks == 0 and _registers(blocks, columns, parts, dot) <= unit.registers
    ]
    return worth_trying({tile: cost(tile) for tile in tiles}) if tiles else [Tile(1, 1)]


def _registers(blocks: int, columns: int, parts: int, dot: Dot) -> int:
    """For sums and operands: the words of all columns and the weights of one part; or the words of one column,
    and of every part the weights and what they were multiplied to.
    """
    short = dot.words + blocks * parts * (dot.words + 1)
    operands = short if dot.short else (columns + 1) * dot.prepared
    return blocks * columns * parts + operands + SPARE


@dataclass(frozen=True)
class DotTile:
    """Emits the loops; the operands are declared buffers, `start` holds what the sum of each channel starts at."""

    geometry: ConvGeometry
    dot: Dot
    lanes: int
    x: Any
    weight: Any
    start: Any

    @property
    def together(self) -> int:
        """Blocks whose sums `finish` gets from one place on."""
        return self.geometry.tile.blocks

    @property
    def parts(self) -> range:
        """The first lanes of the parts of a block that a register holds."""
        return range(0, self.geometry.out.lanes, self.lanes)

    def emit(self, finish: Finish) -> None:
        """All tiles; `finish` gets the sums of a block of the tile, by its number, and where the tile begins."""
        for place in each_tile(self.geometry):
            sums = self._start(place[0])
            self._sum(sums, place)
            finish(partial(self._vectors, sums), place)

    def _start(self, first: Any) -> Sums:
        # One array per part: TVM puts those beyond 1 KiB on the heap, where they never become registers.
        sums: Sums = {}
        columns = self.geometry.tile.columns
        for block in range(self.geometry.tile.blocks):
            for part in self.parts:
                start = named(load(self.start, first + block, ramp(part, self.lanes)))
                sums[block, part] = T.alloc_buffer((columns, self.lanes), str(self.start.dtype))
                for column in range(columns):
                    T.buffer_store(sums[block, part], start, [column, ramp(0, self.lanes)])
        return sums

    def _sum(self, sums: Sums, place: Sequence[Any]) -> None:
        """The loops over taps stay rolled, since unrolling them makes LLVM spill."""
        blocks, rows, columns, words = self.geometry.weight_shape[1:5]
        if self.dot.takes_lane and words % self.lanes == 0:
            with T.grid(blocks, columns, rows, words // self.lanes) as (block, kx, ky, step):
                self._add_lanes(sums, (block, ky, kx, step * self.lanes), place)
            return
        together = self.dot.words
        # Rows inside columns: were LLVM to unroll the columns, it would keep the words they share in registers.
        with T.grid(blocks, columns, rows, words // together) as (block, kx, ky, step):
            taps = [(block, ky, kx, step * together + word) for word in range(together)]
            add = self._add_columns if self.dot.short else self._add_vectors
            add(sums, taps, place)

    def _add_vectors(self, sums: Sums, taps: Sequence[Sequence[Any]], place: Sequence[Any]) -> None:
        """The words of all columns are held, and the weights of one part of a block at a time."""
        xs = [self._column(taps, place, column) for column in range(self.geometry.tile.columns)]
        for (block, part), total in sums.items():
            weights = self._weights(taps, place[0] + block, part)
            for column, x in enumerate(xs):
                self._add(total, column, x, weights)

    def _add_columns(self, sums: Sums, taps: Sequence[Sequence[Any]], place: Sequence[Any]) -> None:
        """The weights of all parts of blocks are held, and the words of one column at a time."""
        weights = {key: self._weights(taps, place[0] + key[0], key[1]) for key in sums}
        for column in range(self.geometry.tile.columns):
            x = self._column(taps, place, column)
            for key, total in sums.items():
                self._add(total, column, x, weights[key])

    def _add_lanes(self, sums: Sums, tap: Sequence[Any], place: Sequence[Any]) -> None:
        """A register of words is held for every column, and the weights of one word of a part of a block at a time."""
        columns = range(self.geometry.tile.columns)
        held = [
            named(as_type(f"int32x{self.lanes}", self._fetch(tap, place, column, self.lanes))) for column in columns
        ]
        for lane in range(self.lanes):
            word = (*tap[:3], tap[3] + lane)
            xs = [self.dot.x(in_all_lanes(register, self.lanes, lane), self.lanes) for register in held]
            for (block, part), total in sums.items():
                weights = self._weights([word], place[0] + block, part)
                for column, x in enumerate(xs):
                    self._add(total, column, x, weights)

    def _add(self, total: Any, column: int, x: Operands, weights: Operands) -> None:
        at = [column, ramp(0, self.lanes)]
        T.buffer_store(total, self.dot.add(load(total, *at), x, weights), at)

    def _column(self, taps: Sequence[Sequence[Any]], place: Sequence[Any], column: int) -> Operands:
        """The operands that the words of a column make."""
        fetched = [self._word(tap, place, column) for tap in taps]
        return tuple(named(value) for word in fetched for value in self.dot.x(word, self.lanes))

    def _weights(self, taps: Sequence[Sequence[Any]], block: Any, part: int) -> Operands:
        """The operands that the weights of a part of a block make."""
        fetched = [self._vector(tap, block, part) for tap in taps]
        return tuple(named(value) for words in fetched for value in self.dot.weight(words))

    def _word(self, tap: Sequence[Any], place: Sequence[Any], column: int) -> Expr:
        return named(as_type("int32", self._fetch(tap, place, column, 1)))

    def _fetch(self, tap: Sequence[Any], place: Sequence[Any], column: int, words: int) -> Expr:
        """The input channels of some words from the tap's on."""
        geometry, (block, ky, kx, word) = self.geometry, tap
        row = place[1] * geometry.stride[0] + ky * geometry.dilation[0]
        pixel = (place[2] + column) * geometry.stride[1] + kx * geometry.dilation[1]
        channels = ramp(word * geometry.per_word, words * geometry.per_word)
        return load(self.x, block, row, pixel, channels)

    def _vector(self, tap: Sequence[Any], block: Any, part: int) -> Expr:
        per_word = self.geometry.per_word
        lanes = ramp(part * per_word, self.lanes * per_word)
        return named(as_type(f"int32x{self.lanes}", load(self.weight, block, *tap, lanes)))

    def _vectors(self, sums: Sums, block: int) -> list[Expr]:
        """The block's sums in the order in which they will lie in memory."""
        columns = range(self.geometry.tile.columns)
        return [load(sums[block, part], column, ramp(0, self.lanes)) for column in columns for part in self.parts]
