"""The tile of a convolution of float16 numbers: a few products are added in float16, those sums in float32.

The taps of a row, or two blocks of input channels, are 16 to 24 products: adding them up rounds about as much as
storing them did, and then float32 keeps it at that.
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
from zcc.compiler.backends.cpu.kernels.vector import broadcast, cast, in_all_lanes, llvm, load, ramp
from zcc.compiler.ir.tensors import FLOAT16

LANES = 8
MOST_BLOCKS, MOST_COLUMNS = 4, 8
SPARE = 5  # registers for constants, and for what LLVM loads ahead
HALF = LANES // 2
MOST_TAPS = 3  # of a row, added in float16
BLOCKS = 2  # of input channels, added in float16 where a row has one tap


def _add_converted(total: Expr, short: Expr) -> Expr:
    return total + cast("float32", short)


def _add_multiplied(total: Expr, short: Expr) -> Expr:
    """An instruction for each half of the lanes multiplies numbers of 16 bits, here with 1, and adds in 32."""
    ones = broadcast(tirx.const(1, FLOAT16), LANES)
    done = [
        llvm(f"float32x{HALF}", name, tirx.Shuffle([total], list(range(first, first + HALF))), short, ones)
        for first, name in ((0, "llvm.aarch64.neon.fmlal"), (HALF, "llvm.aarch64.neon.fmlal2"))
    ]
    return tirx.Shuffle(done, list(range(LANES)))


# How sums in float16 are added to those in float32, by what the unit has for that.
WIDENINGS: dict[str, Callable[[Expr, Expr], Expr]] = {"fcvtl": _add_converted, "fmlal": _add_multiplied}


def half_tiles(out: Slab, unit: VectorUnit) -> list[Tile]:
    """Every tile whose sums, in both widths, words of x and weights fit the registers; one sum at a time where none."""
    fitting = [
        Tile(blocks, columns)
        for blocks in range(1, min(out.blocks, MOST_BLOCKS) + 1)
        for columns in range(1, min(out.width, MOST_COLUMNS) + 1)
        if out.blocks % blocks == 0 and 3 * blocks * columns + columns + blocks + SPARE <= unit.registers
    ]
    return fitting or [Tile(1, 1)]


@dataclass(frozen=True)
class HalfTile(LaneTile):
    """Emits the loops over maps and weights of float16, eight channels side by side."""

    widening: str = "fcvtl"  # a key of WIDENINGS

    def emit(self, finish: Finish) -> None:
        """All tiles; `finish` gets the sums of a block of the tile, by its number, and where the tile begins."""
        for place in each_tile(self.geometry):
            sums = self.start(place[0])
            for taps in self._chains():
                self._add_chain(sums, taps, place)
            finish(partial(self.vectors, sums), place)

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
        columns, every = range(self.geometry.tile.columns), ramp(0, LANES)
        short = {key: T.alloc_buffer((len(columns), LANES), FLOAT16) for key in sums}
        for number, tap in enumerate(taps):
            xs = [self.pixel(tap, place, column, LANES) for column in columns]
            for lane in range(LANES):
                for (block, part), held in short.items():
                    weights = self.weights(place[0] + block, (*tap[:3], lane), part)
                    for column, x in enumerate(xs):
                        product = in_all_lanes(x, LANES, lane) * weights
                        first = number == lane == 0
                        T.buffer_store(held, product if first else load(held, column, every) + product, [column, every])
        for key, total in sums.items():
            for column in columns:
                widened = WIDENINGS[self.widening](load(total, column, every), load(short[key], column, every))
                T.buffer_store(total, widened, [column, every])
