"""Attention over packed maps: scores, softmax and weighted sum of one strip of pixels at a time.

Scores are dot products along the channels, which are lanes; so the keys are first turned into plain rows, one per
channel, and then a vector holds the scores of neighbouring keys. The weighted sum reads the values as they lie: a
vector holds the channels of one pixel. A task is a strip of columns in one row, for one head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.activation import exp, f32
from zcc.compiler.backends.cpu.kernels.layout import spans
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building

LOWEST = -3.0e38  # the score of what is no key


@dataclass(frozen=True)
class AttentionKernel:
    """Attention of every pixel to all; `channels` are the segments of a head's query and key channels."""

    query: Slab
    key: Slab
    value: Slab
    out: Slab
    heads: int
    channels: tuple[int, ...]
    scale: float

    @property
    def name(self) -> str:
        """For example `attention_2x64_20x20`."""
        values = self.out.blocks // self.heads * self.out.lanes
        return f"attention_{self.heads}x{values}_{self.out.height}x{self.out.width}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Keys into rows, then strip after strip."""
        out, columns = self.out, strip_columns(self.out.width, unit)
        strips = -(-out.width // columns)
        with building(self.name) as kernel:
            query, key, value = (getattr(self, name).argument(name) for name in ("query", "key", "value"))
            result = out.argument("out")
            rows = T.alloc_buffer((self.heads, sum(self.channels), padded(out, unit)), "float32")
            self._spread_keys(key, rows)
            with T.parallel(0, self.heads * out.height * strips) as task:
                head = tirx.floordiv(task, out.height * strips)
                row = tirx.floormod(tirx.floordiv(task, strips), out.height)
                column = tirx.min(tirx.floormod(task, strips) * columns, out.width - columns)
                scores = T.alloc_buffer((columns, padded(out, unit)), "float32")
                shares = T.alloc_buffer((columns,), "float32")
                self._score(unit, scores, query, rows, (head, row, column))
                _soften(scores, shares, out.lanes)
                self._sum_up(unit, scores, shares, value, result, (head, row, column))
        return kernel.function

    def _spread_keys(self, key: Any, rows: Any) -> None:
        slab, blocks = self.key, self.key.blocks // self.heads
        pixels = slab.height * slab.width
        for block, channel, count in spans(self.channels, slab.lanes):
            with T.parallel(0, self.heads * count) as task:
                head, c = tirx.floordiv(task, count), tirx.floormod(task, count)
                at = head * blocks + block + tirx.floordiv(c, slab.lanes)
                with T.grid(slab.height, slab.width) as (y, x):
                    value = key[at, y, x, tirx.floormod(c, slab.lanes)]
                    T.buffer_store(rows, value, [head, channel + c, y * slab.width + x])
                with T.serial(0, int(rows.ty.shape[2]) - pixels) as rest:
                    T.buffer_store(rows, f32(0.0), [head, channel + c, pixels + rest])

    def _score(self, unit: VectorUnit, scores: Any, query: Any, rows: Any, place: Sequence[Expr]) -> None:
        """scale * query . key, for a tile of queries and vectors of keys at a time."""
        head, row, column = place
        lanes, columns = self.out.lanes, int(scores.ty.shape[0])
        width, pixels = score_vectors(self.out, unit), self.out.height * self.out.width
        first = head * (self.query.blocks // self.heads)
        with T.serial(0, padded(self.out, unit) // (width * lanes)) as group:
            sums = T.alloc_buffer((columns, width, lanes), "float32", scope="local")
            _fill(sums, f32(0.0))
            for block, channel, count in spans(self.channels, lanes):
                with T.serial(0, count) as c, T.unroll(0, columns) as i, T.unroll(0, width) as j:
                    at = [first + block + tirx.floordiv(c, lanes), row, column + i, tirx.floormod(c, lanes)]
                    with T.vectorized(0, lanes) as lane:
                        product = query[tuple(at)] * rows[head, channel + c, (group * width + j) * lanes + lane]
                        T.buffer_store(sums, sums[i, j, lane] + product, [i, j, lane])
            with T.unroll(0, columns) as i, T.unroll(0, width) as j, T.vectorized(0, lanes) as lane:
                at_key = (group * width + j) * lanes + lane
                score = sums[i, j, lane] * f32(self.scale)
                if padded(self.out, unit) > pixels:
                    score = tirx.Select(at_key < pixels, score, f32(LOWEST))
                T.buffer_store(scores, score, [i, at_key])

    def _sum_up(
        self, unit: VectorUnit, weights: Any, shares: Any, value: Any, result: Any, place: Sequence[Expr]
    ) -> None:
        """The mean of all values, for a tile of queries and blocks of channels at a time."""
        head, row, column = place
        out, columns = self.out, int(weights.ty.shape[0])
        blocks = out.blocks // self.heads
        tile = max(size for size in range(1, tile_width(columns, unit) + 1) if blocks % size == 0)
        with T.serial(0, blocks // tile) as group:
            first = head * blocks + group * tile
            sums = T.alloc_buffer((columns, tile, out.lanes), "float32", scope="local")
            _fill(sums, f32(0.0))
            with (
                T.grid(out.height, out.width) as (y, x),
                T.unroll(0, columns) as i,
                T.unroll(0, tile) as b,
                T.vectorized(0, out.lanes) as lane,
            ):
                product = value[first + b, y, x, lane] * weights[i, y * out.width + x]
                T.buffer_store(sums, sums[i, b, lane] + product, [i, b, lane])
            with T.unroll(0, columns) as i, T.unroll(0, tile) as b, T.vectorized(0, out.lanes) as lane:
                T.buffer_store(result, sums[i, b, lane] * shares[i], [first + b, row, column + i, lane])


def strip_columns(width: int, unit: VectorUnit) -> int:
    """Queries of a strip: the last strip overlaps its neighbour, and each strip reads all keys and values once."""
    most = 5 if unit.registers >= 32 else 3
    return min(range(1, min(most, width) + 1), key=lambda columns: -(-width // columns) * (columns + 1))


def tile_width(columns: int, unit: VectorUnit) -> int:
    """Vectors beside each other in a tile of accumulators that fits the registers with its operands."""
    return (unit.registers - 2) // (columns + 1)


def score_vectors(out: Slab, unit: VectorUnit) -> int:
    """Vectors of keys that are scored at once: as many as fit, for the least padding."""
    vectors = -(-out.height * out.width // out.lanes)
    most = tile_width(strip_columns(out.width, unit), unit)
    return min(range(1, most + 1), key=lambda width: (-(-vectors // width) * (width + 1), -width))


def padded(out: Slab, unit: VectorUnit) -> int:
    """Keys, rounded up to what is scored at once."""
    step = score_vectors(out, unit) * out.lanes
    return -(-out.height * out.width // step) * step


def _fill(buffer: Any, value: Expr) -> None:
    rows, columns, lanes = (int(extent) for extent in buffer.ty.shape)
    with T.unroll(0, rows) as i, T.unroll(0, columns) as j, T.vectorized(0, lanes) as lane:
        T.buffer_store(buffer, value, [i, j, lane])


def _soften(scores: Any, shares: Any, lanes: int) -> None:
    """Each row of scores becomes e**(score - highest); `shares` are the reciprocals of their sums."""
    columns, keys = (int(extent) for extent in scores.ty.shape)
    with T.serial(0, columns) as i:
        held = T.alloc_buffer((lanes,), "float32", scope="local")
        with T.vectorized(0, lanes) as lane:
            T.buffer_store(held, f32(LOWEST), [lane])
        with T.serial(0, keys // lanes) as j, T.vectorized(0, lanes) as lane:
            T.buffer_store(held, tirx.max(held[lane], scores[i, j * lanes + lane]), [lane])
        highest = T.bind(_across(held, lanes, tirx.max))
        with T.vectorized(0, lanes) as lane:
            T.buffer_store(held, f32(0.0), [lane])
        with T.serial(0, keys // lanes) as j, T.vectorized(0, lanes) as lane:
            T.buffer_store(scores, exp(scores[i, j * lanes + lane] - highest), [i, j * lanes + lane])
            T.buffer_store(held, held[lane] + scores[i, j * lanes + lane], [lane])
        T.buffer_store(shares, f32(1.0) / _across(held, lanes, lambda a, b: a + b), [i])


def _across(buffer: Any, lanes: int, operator: Any) -> Expr:
    """All lanes combined, in a balanced tree."""
    values = [buffer[lane] for lane in range(lanes)]
    while len(values) > 1:
        values = [operator(one, other) for one, other in zip(values[::2], values[1::2], strict=True)]
    return values[0]
