"""The tile of a convolution of float16 numbers: a few products are added in float16, those sums in float32.

With NEON, the taps of a row, or two blocks of input channels, are 16 to 24 products: adding them up rounds about as
much as storing them did, and then float32 keeps it at that. With AVX-512 they are 32 to 48.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.choices import Tile
from zcc.compiler.backends.cpu.kernels.conv_loops import Finish, each_tile
from zcc.compiler.backends.cpu.kernels.lane_tile import LaneTile, Sums
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.kernels.vector import broadcast, cast, in_all_lanes, lanes_of, llvm, load, named, ramp
from zcc.compiler.ir.tensors import FLOAT16

MOST_BLOCKS, MOST_COLUMNS = 4, 8  # of a tile; registers of blocks
MOST_TAPS = 3  # of a row, added in float16
BLOCKS = 2  # of input channels, added in float16 where a row has one tap
SPARE = 5  # registers for constants, and for what LLVM loads ahead


def _add_converted(total: Expr, short: Expr) -> Expr:
    return total + cast("float32", short)


def _add_multiplied(total: Expr, short: Expr) -> Expr:
    """An instruction for each half of the lanes multiplies numbers of 16 bits, here with 1, and adds in 32."""
    lanes = lanes_of(short)
    ones = broadcast(tirx.const(1, FLOAT16), lanes)
    done = [
        llvm(f"float32x{lanes // 2}", name, tirx.Shuffle([total], list(range(first, first + lanes // 2))), short, ones)
        for first, name in ((0, "llvm.aarch64.neon.fmlal"), (lanes // 2, "llvm.aarch64.neon.fmlal2"))
    ]
    return tirx.Shuffle(done, list(range(lanes)))


@dataclass(frozen=True)
class HalfUnit:
    """How a vector unit computes in float16."""

    lanes: int  # of a register
    add: Callable[[Expr, Expr], Expr]  # what adds sums in float16 to those in float32
    by_lane: bool  # whether products take an operand from a lane of a register; else it is loaded into all lanes
    held: int  # registers for each sum: 3 with the float32 sums, 1 where these lie in memory meanwhile

    def together(self, blocks: int, lanes: int) -> int:
        """Neighbouring blocks of so many lanes that a register of a tile holds; its last one may hold less."""
        return min(self.lanes // lanes, blocks)


# By the unit's word for it. AVX-512 touches the float32 sums so seldom that they may lie in memory.
HALF_UNITS = {
    "fcvtl": HalfUnit(8, _add_converted, by_lane=True, held=3),
    "fmlal": HalfUnit(8, _add_multiplied, by_lane=True, held=3),
    "vcvtph": HalfUnit(32, _add_converted, by_lane=False, held=1),
}


def half_tiles(out: Slab, unit: VectorUnit) -> list[Tile]:
    """Every tile whose sums, words of x and weights fit the registers; one sum at a time where none."""
    half = HALF_UNITS[unit.widening]

    def fits(blocks: int, columns: int) -> bool:
        held = -(-blocks // half.together(blocks, out.lanes))
        operands = held + (columns if half.by_lane else 0)  # weights, and words of x
        return held <= MOST_BLOCKS and half.held * held * columns + operands + SPARE <= unit.registers

    fitting = [
        Tile(blocks, columns)
        for blocks in range(1, min(out.blocks, MOST_BLOCKS * (half.lanes // out.lanes)) + 1)
        for columns in range(1, min(out.width, MOST_COLUMNS) + 1)
        if out.blocks % blocks == 0 and fits(blocks, columns)
    ]
    return fitting or [Tile(1, 1)]


@dataclass(frozen=True)
class HalfTile(LaneTile):
    """Emits the loops over maps and weights of float16; a register has as many neighbouring blocks as fit."""

    half: HalfUnit

    def emit(self, finish: Finish) -> None:
        """All tiles; `finish` gets the sums of a block of the tile, by its number, and where the tile begins."""
        for place in each_tile(self.geometry):
            sums = self.start(place[0])
            for taps in self._chains():
                self._add_chain(sums, taps, place)
            finish(partial(self.vectors, sums), place)

    @property
    def _together(self) -> int:
        """Blocks in a register."""
        return self.lanes // self.geometry.out.lanes

    def start(self, first: Any) -> Sums:
        """The sums of a tile, each at its bias, by their first block."""
        sums, columns = Sums(), self.geometry.tile.columns
        for block in range(0, self.geometry.tile.blocks, self._together):
            bias = named(self._joined(lambda number: load(self.bias, first + number, self._channels), block))
            sums[block, 0] = T.alloc_buffer((columns, self.lanes), "float32")
            for column in range(columns):
                T.buffer_store(sums[block, 0], bias, [column, ramp(0, self.lanes)])
        return sums

    @property
    def _channels(self) -> Expr:
        return ramp(0, self.geometry.out.lanes)

    def _joined(self, part: Callable[[int], Expr], block: int) -> Expr:
        """The parts of neighbouring blocks, from one on, side by side; beyond the tile the last one once more."""
        last = self.geometry.tile.blocks - 1
        parts = [part(min(block + number, last)) for number in range(self._together)]
        return parts[0] if len(parts) == 1 else tirx.Shuffle(parts, list(range(self.lanes)))

    def vectors(self, sums: Sums, block: int) -> list[Expr]:
        """The block's sums, a vector for each column."""
        place, lanes = block % self._together, self.geometry.out.lanes
        held = sums[block - place, 0]
        return [load(held, column, ramp(place * lanes, lanes)) for column in range(self.geometry.tile.columns)]

    def _chains(self) -> Iterator[list[tuple[Any, ...]]]:
        """Once, inside the loops over all taps: those whose products are added in float16."""
        blocks, (rows, columns) = self.geometry.x.blocks, self.geometry.kernel
        if 1 < columns <= MOST_TAPS:
            with T.grid(blocks, rows) as (block, ky):
                yield [(block, ky, kx, 0) for kx in range(columns)]
            return
        together = BLOCKS if blocks % BLOCKS == 0 else 1
        with T.grid(blocks // together, rows, columns) as (step, ky, kx):
            yield [(step * together + number, ky, kx, 0) for number in range(together)]

    def _add_chain(self, sums: Sums, taps: Sequence[Sequence[Any]], place: Sequence[Any]) -> None:
        columns, every = range(self.geometry.tile.columns), ramp(0, self.lanes)
        short = {key: T.alloc_buffer((len(columns), self.lanes), FLOAT16) for key in sums}
        for number, tap in enumerate(taps):
            words = [self.pixel(tap, place, column, self.lanes) for column in columns] if self.half.by_lane else []
            for lane in range(self.geometry.x.lanes):
                channel = (*tap[:3], lane)
                xs = words or [self.pixel(channel, place, column, 1) for column in columns]
                values = [in_all_lanes(x, self.lanes, lane) for x in xs]
                for (block, _), held in short.items():
                    weights = named(self._joined(partial(self._weights_of, place[0], channel), block))
                    for column, value in enumerate(values):
                        product = value * weights
                        first = number == lane == 0
                        T.buffer_store(held, product if first else load(held, column, every) + product, [column, every])
        for key, total in sums.items():
            for column in columns:
                widened = self.half.add(load(total, column, every), load(short[key], column, every))
                T.buffer_store(total, widened, [column, every])

    def _weights_of(self, first: Any, channel: Sequence[Any], block: int) -> Expr:
        return load(self.weight, first + block, *channel, self._channels)
