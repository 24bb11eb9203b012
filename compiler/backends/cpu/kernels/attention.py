"""Attention over packed maps: scores, softmax and weighted sum of one strip of pixels at a time.

Scores are dot products along the channels, which are lanes; so the keys are first turned into plain rows, one per
channel, and then a vector holds the scores of neighbouring keys. The weighted sum reads the values as they lie: a
vector holds the channels of one pixel. A task is a strip of columns in one row, for one head; its keys are the pixels
of the area that the row lies in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from operator import add
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.activation import LOG2E, POWER_LIMIT, bound, f32, power_of_two
from zcc.compiler.backends.cpu.kernels.packing import spans
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.vector import across, broadcast, f32s, lanes_of, load, named, ramp

LOWEST = -3.0e38  # the score of what is no key
# With two vectors of keys, ten sums: enough to hide a multiply-add's latency, and with their operands within sixteen
# registers. `python -m benchmarks.kernels MODEL.onnx` shows attention's times beside their floors.
MOST_COLUMNS = 5


@dataclass(frozen=True)
class AttentionKernel:
    """Attention of every pixel to all of its area; `channels` are the segments of a head's query and key channels."""

    query: Slab
    key: Slab
    value: Slab
    out: Slab
    heads: int
    areas: int  # equal parts of the rows
    channels: tuple[int, ...]
    scale: float

    @property
    def name(self) -> str:
        """For example `attention_2x64_20x20`, and `attention4_2x32_40x40` over four areas."""
        values = self.out.blocks // self.heads * self.out.lanes
        areas = self.areas if self.areas > 1 else ""
        return f"attention{areas}_{self.heads}x{values}_{self.out.height}x{self.out.width}"

    @property
    def area(self) -> Slab:
        """One area of the result."""
        return replace(self.out, height=self.out.height // self.areas)

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Keys into rows, then strip after strip."""
        out, columns = self.out, strip_columns(self.out.width)
        strips, keys = -(-out.width // columns), _pitch(padded(self.area, unit), out.lanes)
        with building(self.name) as kernel:
            query, key, value = (getattr(self, name).argument(name) for name in ("query", "key", "value"))
            result = out.argument("out")
            rows = T.alloc_buffer((self.areas, self.heads, sum(self.channels), keys), "float32")
            self._spread_keys(unit, key, rows)
            with T.parallel(0, self.heads * out.height * strips) as task:
                head = named(tirx.floordiv(task, out.height * strips))
                row = named(tirx.floormod(tirx.floordiv(task, strips), out.height))
                column = named(tirx.min(tirx.floormod(task, strips) * columns, out.width - columns))
                scores = T.alloc_buffer((columns, keys), "float32")
                highest = T.alloc_buffer((columns, out.lanes), "float32")
                shares = T.alloc_buffer((columns,), "float32")
                self._score(unit, scores, highest, query, rows, (head, row, column))
                _soften(scores, highest, shares, padded(self.area, unit))
                self._sum_up(unit, scores, shares, value, result, (head, row, column))
        return kernel.function

    def _spread_keys(self, unit: VectorUnit, key: Any, rows: Any) -> None:
        slab, blocks, area = self.key, self.key.blocks // self.heads, self.area
        pixels = area.height * area.width
        for block, channel, count in spans(self.channels, slab.lanes):
            with T.parallel(0, self.areas * self.heads * count) as task:
                part, c = tirx.floordiv(task, self.heads * count), tirx.floormod(task, count)
                head = tirx.floormod(tirx.floordiv(task, count), self.heads)
                at = head * blocks + block + tirx.floordiv(c, slab.lanes)
                with T.grid(area.height, area.width) as (y, x):
                    value = key[at, part * area.height + y, x, tirx.floormod(c, slab.lanes)]
                    T.buffer_store(rows, value, [part, head, channel + c, y * area.width + x])
                with T.serial(0, padded(area, unit) - pixels) as rest:
                    T.buffer_store(rows, f32(0.0), [part, head, channel + c, pixels + rest])

    def _score(self, unit: VectorUnit, scores: Any, highest: Any, query: Any, rows: Any, place: Sequence[Expr]) -> None:
        """scale * query . key as a power of two, for a tile of queries and vectors of keys at a time."""
        head, row, column = place
        lanes, area = self.out.lanes, self.area
        columns, width = strip_columns(area.width), score_vectors(area, unit)
        first, part = head * (self.query.blocks // self.heads), named(tirx.floordiv(row, area.height))
        vector = ramp(0, lanes)
        for i in range(columns):
            T.buffer_store(highest, f32s(LOWEST, lanes), [i, vector])
        with T.serial(0, padded(area, unit) // (width * lanes)) as group:
            start = named(group * (width * lanes))
            sums = _sums(columns, width, lanes)
            for block, channel, blocks, count in _filled_alike(self.channels, lanes):
                with T.serial(0, blocks) as b, T.serial(0, count) as c:
                    at = channel + b * lanes + c
                    keys = [named(load(rows, part, head, at, ramp(start + j * lanes, lanes))) for j in range(width)]
                    queries = [named(query[first + block + b, row, column + i, c]) for i in range(columns)]
                    _accumulate(sums, queries, keys)
            for i, row_sums in enumerate(sums):
                found = [self._exponent(unit, load(row_sums, j, vector), start + j * lanes) for j in range(width)]
                for j, score in enumerate(found):
                    T.buffer_store(scores, score, [i, ramp(start + j * lanes, lanes)])
                T.buffer_store(highest, reduce(tirx.max, found, load(highest, i, vector)), [i, vector])

    def _exponent(self, unit: VectorUnit, sums: Expr, key: Expr) -> Expr:
        """The power of two that products from `key` on stand for; what is no key gets next to nothing."""
        lanes, pixels = self.out.lanes, self.area.height * self.area.width
        score = sums * f32s(self.scale * LOG2E, lanes)
        if padded(self.area, unit) > pixels:
            score = tirx.Select(
                ramp(key, lanes) < broadcast(tirx.const(pixels, "int32"), lanes), score, f32s(LOWEST, lanes)
            )
        return named(score)

    def _sum_up(
        self, unit: VectorUnit, weights: Any, shares: Any, value: Any, result: Any, place: Sequence[Expr]
    ) -> None:
        """The mean of all values, for a tile of queries and blocks of channels at a time."""
        head, row, column = place
        out, area, lanes = self.out, self.area, self.out.lanes
        columns, blocks = strip_columns(out.width), out.blocks // self.heads
        top = named(tirx.floordiv(row, area.height) * area.height)
        tile = max(size for size in range(1, tile_width(columns, unit) + 1) if blocks % size == 0)
        with T.serial(0, blocks // tile) as group:
            first = named(head * blocks + group * tile)
            sums = _sums(columns, tile, lanes)
            with T.serial(0, area.height) as y, T.serial(0, area.width) as x:
                values = [named(load(value, first + b, top + y, x, ramp(0, lanes))) for b in range(tile)]
                shared = [named(weights[i, y * area.width + x]) for i in range(columns)]
                _accumulate(sums, shared, values)
            for i, row_sums in enumerate(sums):
                for b in range(tile):
                    mean = load(row_sums, b, ramp(0, lanes)) * broadcast(shares[i], lanes)
                    T.buffer_store(result, mean, [first + b, row, column + i, ramp(0, lanes)])


def _filled_alike(segments: tuple[int, ...], lanes: int) -> Iterator[tuple[int, int, int, int]]:
    """Blocks with as many channels each: the first block, its first channel, how many blocks, channels of each."""
    for block, channel, count in spans(segments, lanes):
        whole, rest = divmod(count, lanes)
        if whole:
            yield block, channel, whole, lanes
        if rest:
            yield block + whole, channel + whole * lanes, 1, rest


def _sums(rows: int, vectors: int, lanes: int) -> list[Any]:
    """A tile of accumulators that LLVM keeps in registers, zero: a buffer of some vectors for each row."""
    sums = [T.alloc_buffer((vectors, lanes), "float32") for _ in range(rows)]
    for row, j in product(sums, range(vectors)):
        T.buffer_store(row, f32s(0.0, lanes), [j, ramp(0, lanes)])
    return sums


def _accumulate(sums: Sequence[Any], scalars: Sequence[Expr], vectors: Sequence[Expr]) -> None:
    """Each row of the tile gets its scalar times every vector."""
    for row, scalar in zip(sums, scalars, strict=True):
        for j, vector in enumerate(vectors):
            lanes = lanes_of(vector)
            total = load(row, j, ramp(0, lanes)) + broadcast(scalar, lanes) * vector
            T.buffer_store(row, total, [j, ramp(0, lanes)])


def strip_columns(width: int) -> int:
    """Queries of a strip: the last strip overlaps its neighbour, and each strip reads all keys and values once."""
    return min(range(1, min(MOST_COLUMNS, width) + 1), key=lambda columns: -(-width // columns) * (columns + 1))


def tile_width(columns: int, unit: VectorUnit) -> int:
    """Vectors beside each other in a tile of accumulators that fits the registers with its operands."""
    return (unit.registers - 2) // (columns + 1)


def score_vectors(area: Slab, unit: VectorUnit) -> int:
    """Vectors of keys that are scored at once: as many as fit, for the least padding."""
    vectors = -(-area.height * area.width // area.lanes)
    most = tile_width(strip_columns(area.width), unit)
    return min(range(1, most + 1), key=lambda width: (-(-vectors // width) * (width + 1), -width))


def padded(area: Slab, unit: VectorUnit) -> int:
    """Keys, rounded up to what is scored at once."""
    step = score_vectors(area, unit) * area.lanes
    return -(-area.height * area.width // step) * step


def _pitch(keys: int, lanes: int) -> int:
    """From one row of keys to the next: an odd number of vectors, so that rows do not share one set of the cache."""
    return (keys // lanes | 1) * lanes


def _soften(scores: Any, highest: Any, shares: Any, keys: int) -> None:
    """Each row of scores becomes 2**(score - highest); `shares` are the reciprocals of their sums."""
    columns, lanes = (int(extent) for extent in highest.ty.shape)
    vector = ramp(0, lanes)
    for i in range(columns):
        most = named(across(highest, i, lanes, tirx.max))
        total = T.alloc_buffer((1, lanes), "float32")
        T.buffer_store(total, f32s(0.0, lanes), [0, vector])
        with T.serial(0, keys // lanes) as j, T.vectorized(0, lanes) as lane:
            exponent = tirx.max(scores[i, j * lanes + lane] - most, f32(-POWER_LIMIT))
            T.buffer_store(scores, bound("t", exponent, power_of_two), [i, j * lanes + lane])
            T.buffer_store(total, total[0, lane] + scores[i, j * lanes + lane], [0, lane])
        T.buffer_store(shares, f32(1.0) / across(total, 0, lanes, add), [i])
