"""The tile of a convolution by products of small matrices: two columns times two output channels in an instruction.

A register holds eight bytes of input channels of either column, or the weights for them of either output channel, and
its four sums are those of two columns by two channels. Between start and end the sums of a tile are kept so, in pairs
of columns and pairs of channels; the last of an odd number of columns is its own neighbour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.choices import Tile, in_both_orders, worth_trying
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry, Finish, each_tile
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.vector import as_type, llvm, load, named, ramp

WORD = 8  # bytes of the input channels that one instruction takes of each column
REGISTER = 16
LANES = 4
MOST_BLOCKS, MOST_COLUMNS = 8, 12
Sums = dict[tuple[int, int], Any]  # by block of the tile and first channel of a pair: vectors of a pair of columns each


@dataclass(frozen=True)
class MatrixProduct:
    """A way to multiply: `add` adds the products of two registers of integers of 64 bits to four sums."""

    add: Callable[[Expr, Expr, Expr], Expr]
    item: int  # bytes of a number


def _multiply_bytes(total: Expr, x: Expr, weight: Expr) -> Expr:
    operands = as_type("uint8x16", x), as_type("int8x16", weight)
    return llvm(total.ty, "llvm.aarch64.neon.usmmla", total, *operands)


USMMLA = MatrixProduct(_multiply_bytes, item=1)


def matrix_choices(out: Slab, unit: VectorUnit, words: int) -> Sequence[Tile]:
    """The tiles of fewest instructions per product, in both orders of tasks, for pixels of one or two words.

    Sums, the words of all pairs of columns and two registers of weights must fit.
    """

    def cost(tile: Tile) -> tuple[float, int]:
        pairs, channels = -(-tile.columns // 2), tile.blocks * out.lanes // 2
        instructions = words * (pairs * channels + channels + pairs) + tile.columns
        computed = -(-out.width // tile.columns) * tile.columns / out.width
        tasks = out.blocks // tile.blocks * out.height
        rounds = -(-tasks // unit.threads) * unit.threads
        return instructions / (tile.blocks * tile.columns) * computed * rounds / tasks, -tile.columns

    def registers(tile: Tile) -> int:
        pairs = -(-tile.columns // 2)
        return pairs * (tile.blocks * out.lanes // 2 + words) + 3

    blocks = [count for count in range(1, min(out.blocks, MOST_BLOCKS) + 1) if out.blocks % count == 0]
    tiles = [Tile(count, columns) for count in blocks for columns in range(1, min(out.width, MOST_COLUMNS) + 1)]
    fitting = [tile for tile in tiles if registers(tile) <= unit.registers] or [Tile(1, 1)]
    return in_both_orders(worth_trying({tile: cost(tile) for tile in fitting}), out)


@dataclass(frozen=True)
class MatrixTile:
    """Emits the loops; the operands are declared buffers, `start` holds what the sum of each channel starts at."""

    geometry: ConvGeometry
    matrix: MatrixProduct
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
        return range(0, self.geometry.out.lanes, LANES)

    def emit(self, finish: Finish) -> None:
        """All tiles; `finish` gets the sums of a block of the tile, by its number, and where the tile begins."""
        for place in each_tile(self.geometry):
            sums = self._start(place[0])
            self._sum(sums, place)
            finish(partial(self._vectors, sums), place)

    def _pairs(self) -> list[tuple[int, int]]:
        """The columns in twos."""
        columns = self.geometry.tile.columns
        return [(column, min(column + 1, columns - 1)) for column in range(0, columns, 2)]

    def _start(self, first: Any) -> Sums:
        pairs, sums = len(self._pairs()), Sums()
        for block in range(self.geometry.tile.blocks):
            for part in self.parts:
                start = named(load(self.start, first + block, ramp(part, LANES)))
                for channel in (0, 2):
                    both = named(tirx.Shuffle([start], [channel, channel + 1] * 2))
                    held = sums[block, part + channel] = T.alloc_buffer((pairs, LANES), str(self.start.dtype))
                    for pair in range(pairs):
                        T.buffer_store(held, both, [pair, ramp(0, LANES)])
        return sums

    def _sum(self, sums: Sums, place: Sequence[Any]) -> None:
        """A register of input channels is held for every column, where a pixel has as many."""
        geometry = self.geometry
        words = min(REGISTER, geometry.x.lanes * self.matrix.item) // WORD
        blocks, rows, columns, available = geometry.weight_shape[1:5]
        # One loop over the taps: were it two, LLVM would unroll the inner one, and run out of registers.
        with T.grid(blocks, rows * columns, available // words) as (block, number, step):
            tap = (block, tirx.floordiv(number, columns), tirx.floormod(number, columns), step * words)
            held = [self._pixel(tap, place, column, words) for column in range(geometry.tile.columns)]
            for word in range(words):
                xs = [self._neighbours(held[left], held[right], word) for left, right in self._pairs()]
                self._add(sums, (*tap[:3], tap[3] + word), place[0], xs)

    def _pixel(self, tap: Sequence[Any], place: Sequence[Any], column: int, words: int) -> Expr:
        geometry, (block, ky, kx, word) = self.geometry, tap
        row = place[1] * geometry.stride[0] + ky * geometry.dilation[0]
        pixel = (place[2] + column) * geometry.stride[1] + kx * geometry.dilation[1]
        channels = ramp(word * geometry.per_word, words * geometry.per_word)
        integers = "int64" if words == 1 else f"int64x{words}"
        return named(as_type(integers, load(self.x, block, row, pixel, channels)))

    def _neighbours(self, left: Expr, right: Expr, word: int) -> Expr:
        """The same word of two columns in a register."""
        words = REGISTER // WORD if str(left.ty.dtype) != "int64" else 1
        return named(tirx.Shuffle([left, right], [word, words + word]))

    def _add(self, sums: Sums, tap: Sequence[Any], first: Any, xs: Sequence[Expr]) -> None:
        for (block, channel), held in sums.items():
            lanes = ramp(channel * self.geometry.per_word, 2 * self.geometry.per_word)
            weights = named(as_type("int64x2", load(self.weight, first + block, *tap, lanes)))
            for pair, x in enumerate(xs):
                at = [pair, ramp(0, LANES)]
                T.buffer_store(held, self.matrix.add(load(held, *at), x, weights), at)

    def _vectors(self, sums: Sums, block: int) -> list[Expr]:
        """The block's sums in the order in which they will lie in memory."""
        vectors = []
        for column in range(self.geometry.tile.columns):
            pair, second = divmod(column, 2)
            order = [2 * second, 2 * second + 1, LANES + 2 * second, LANES + 2 * second + 1]
            for part in self.parts:
                halves = [load(sums[block, part + channel], pair, ramp(0, LANES)) for channel in (0, 2)]
                vectors.append(tirx.Shuffle(halves, order))
        return vectors
