"""The tile of a convolution of float16 numbers: a few products are added in float16, those sums in float32.

With NEON, the taps of a row, or two blocks of input channels, are 16 to 24 products: adding them up rounds about as
much as storing them did, and then float32 keeps it at that. With AVX-512 the 32 channels of a block are.
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
from zcc.compiler.backends.cpu.kernels.vector import broadcast, cast, in_all_lanes, lanes_of, llvm, load, ramp
from zcc.compiler.ir.tensors import FLOAT16

MOST_BLOCKS, MOST_COLUMNS = 4, 8
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
    taps: int  # of a row, at most, whose products are added in float16
    blocks: int  # of input channels, whose products are where a row has one tap
    held: int  # registers for each sum and column: 3 with the float32 sums, 1 where these lie in memory meanwhile


# By the unit's word for it. A register of AVX-512 has 32 channels, enough products for a sum in float16; the float32
# sums are touched once in so many, and lie in memory between.
HALF_UNITS = {
    "fcvtl": HalfUnit(8, _add_converted, True, taps=3, blocks=2, held=3),
    "fmlal": HalfUnit(8, _add_multiplied, True, taps=3, blocks=2, held=3),
    "vcvtph": HalfUnit(32, _add_converted, False, taps=1, blocks=1, held=1),
}


def half_tiles(out: Slab, unit: VectorUnit) -> list[Tile]:
    """Every tile whose sums, words of x and weights fit the registers; one sum at a time where none."""
    half = HALF_UNITS[unit.widening]
    words = 1 if half.by_lane else 0  # of x, for each column
    fitting = [
        Tile(blocks, columns)
        for blocks in range(1, min(out.blocks, MOST_BLOCKS) + 1)
        for columns in range(1, min(out.width, MOST_COLUMNS) + 1)
        if out.blocks % blocks == 0
        and half.held * blocks * columns + words * columns + blocks + SPARE <= unit.registers
    ]
    return fitting or [Tile(1, 1)]


@dataclass(frozen=True)
class HalfTile(LaneTile):
    """Emits the loops over maps and weights of float16, as many channels side by side as a register holds."""

    half: HalfUnit

    def emit(self, finish: Finish) -> None:
        """As in float32."""
        for place in each_tile(self.geometry):
            sums = self.start(place[0])
            for taps in self._chains():
                self._add_chain(sums, taps, place)
            finish(partial(self.vectors, sums), place)

    def _chains(self) -> Iterator[list[tuple[Any, ...]]]:
        """Once, inside the loops over all taps: those whose products are added in float16."""
        blocks, (rows, columns) = self.geometry.x.blocks, self.geometry.kernel
        if 1 < columns <= self.half.taps:
            with T.grid(blocks, rows) as (block, ky):
                yield [(block, ky, kx, 0) for kx in range(columns)]
            return
        together = self.half.blocks if blocks % self.half.blocks == 0 else 1
        with T.grid(blocks // together, rows, columns) as (step, ky, kx):
            yield [(step * together + number, ky, kx, 0) for number in range(together)]

    def _add_chain(self, sums: Sums, taps: Sequence[Sequence[Any]], place: Sequence[Any]) -> None:
        columns, every = range(self.geometry.tile.columns), ramp(0, self.lanes)
        short = {key: T.alloc_buffer((len(columns), self.lanes), FLOAT16) for key in sums}
        for number, tap in enumerate(taps):
            xs = [self.pixel(tap, place, column, self.lanes) for column in columns] if self.half.by_lane else []
            for lane in range(self.lanes):
                channel = (*tap[:3], lane)
                values = [
                    in_all_lanes(xs[column] if xs else self.pixel(channel, place, column, 1), self.lanes, lane)
                    for column in columns
                ]
                for (block, part), held in short.items():
                    weights = self.weights(place[0] + block, channel, part)
                    for column, value in enumerate(values):
                        product = value * weights
                        first = number == lane == 0
                        T.buffer_store(held, product if first else load(held, column, every) + product, [column, every])
        for key, total in sums.items():
            for column in columns:
                widened = self.half.add(load(total, column, every), load(short[key], column, every))
                T.buffer_store(total, widened, [column, every])
