"""How a convolution of float32 numbers in pieces is cut: as others in tile registers, and its steps into panels.

Six products of a step read three pieces of x and three of the weights. What all tiles of a task read does not stay in
the first level of the cache, and the second gives half as much as the products take. So a task's tiles all do one
panel of the steps, whose operands stay there, before the next; their sums wait in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from zcc.compiler.backends.cpu.kernels.amx_plan import LOADED, AmxPlan
from zcc.compiler.backends.cpu.kernels.amx_registers import ROW, AmxProduct
from zcc.compiler.backends.cpu.kernels.amx_runs import MOST_WORDS, WordRun
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.runtime.split_weights import TOGETHER

HELD_PANELS = 2  # one is multiplied, and the next is made
FIRST_LEVEL = 40 << 10  # bytes of it for operands, of 48 that a core has
SECOND_LEVEL = 3 << 19  # bytes of it for weights, of 2 MB
# On an Emerald Rapids, convolutions of YOLOv5s that have such panels took 0.93 of the time on one thread, 0.88 on 16.
# Sums of panels of one step are moved too often: 1x1 from 128 to 128 channels at 80x80 took 1.3 times as long so.
LEAST_STEPS = 2
MOST_BESIDE = 16  # vectors that are taken apart beside a step, which are written out
BESIDE = 0.4  # of what is taken apart beside products: it is still to be waited for, as kernels without it tell
# Cycles, of kernels without products or without all else.
BEYOND = 1.3  # loading a row from the second level
TAKEN_APART = 8.0  # a block of a column, beside copying it
WAITING = 2.0  # a vector of sums that goes to memory and comes back, for each panel
STREAMED = 12.0  # bytes of weights in a cycle from beyond the second level, rather few: others read there, too


@dataclass(frozen=True)
class SplitPlan(AmxPlan):
    """A plan whose `geometry` has pairs of blocks, each of which fills the rows of a register of x."""

    most_held: ClassVar[int] = 3 << 18
    most_shared: ClassVar[int] = 1 << 30  # taking x apart again takes longer than weights from beyond

    @staticmethod
    def ways(geometry: ConvGeometry, product: AmxProduct) -> Sequence[bool]:
        """Tasks copy what they read, since they take it apart."""
        return (True,)

    @cached_property
    def run(self) -> WordRun:
        """A pair of blocks at one tap in a step."""
        return WordRun(self.geometry.x.blocks, self.geometry.kernel[1], 1, MOST_WORDS, gathered=True)

    @property
    def panels(self) -> int:
        """Parts of the steps, each of which all tiles of a task take before the next part."""
        return self._parts(self.panel)

    @property
    def parts(self) -> int:
        """Panels of the same pairs of blocks, each of other rows of taps."""
        return self.geometry.kernel[0] // self.panel[1]

    @property
    def held_pairs(self) -> int:
        """Pairs of blocks that a task holds in pieces: those of a panel, and of the next."""
        return min(HELD_PANELS * self.panel[0], self.run.blocks)

    def _parts(self, panel: tuple[int, ...]) -> int:
        return self.run.blocks // panel[0] * (self.geometry.kernel[0] // panel[1])

    @cached_property
    def panel(self) -> tuple[int, ...]:
        """Blocks, rows, taps and steps of a part."""
        return self._panel(self.rows)

    def _panel(self, rows: int) -> tuple[int, ...]:
        """The largest part that stays in the first level for so many rows; all steps where none of some steps does."""
        height, pairs = self.geometry.kernel[0], self.run.blocks
        parts = [(count, height) for count in range(pairs, 0, -1) if pairs % count == 0] + [(1, 1)]
        fitting = (
            (count, taps)
            for count, taps in parts
            if count * taps * self.run.taps >= LEAST_STEPS and self._operands(count, taps, rows) <= FIRST_LEVEL
        )
        return (*next(fitting, (pairs, height)), self.run.taps, self.run.steps)

    def _operands(self, blocks: int, height: int, rows: int) -> int:
        """Bytes of x, and of a group's weights, for some blocks and rows of taps."""
        inside = self.rows_inside(rows) if height > 1 else rows
        x = inside * self.geometry.x.width * ROW
        weights = height * self.run.taps * self.outputs * MOST_WORDS * ROW
        return blocks * self.product.parts * (x + weights)

    @cached_property
    def strips_of_task(self) -> int:
        """Several where a panel has all pairs: those of the next are taken apart while one is multiplied."""
        return self._several(self.rows, self.together)

    def _several(self, rows: int, together: int) -> int:
        strips, panel = self.geometry.out.height // rows, self._panel(rows)
        if panel[0] < self.run.blocks or self._vectors_beside(rows, together) > MOST_BESIDE:
            return 1
        most = self.groups // together * strips // self._enough
        return max(count for count in range(1, max(1, most) + 1) if strips % count == 0)

    def _vectors_beside(self, rows: int, together: int) -> int:
        """Vectors that are taken apart beside each step, where a task has several strips."""
        vectors = self.run.blocks * self.new_rows(rows) * self.geometry.x.width
        return -(-vectors // (together * rows * self.across * self.steps))

    def new_rows(self, rows: int) -> int:
        """Rows of x that a strip of so many reads, and the one before does not."""
        return min(rows * self.geometry.stride[0], self.rows_inside(rows))

    @property
    def held_rows(self) -> int:
        """Rows of x that a task holds in pieces: those of a strip, and what the next one adds."""
        more = self.rows * self.geometry.stride[0] if self.strips_of_task > 1 else 0
        return self.rows_inside(self.rows) + more

    def _tasks(self, rows: int, together: int) -> int:
        return super()._tasks(rows, together) // self._several(rows, together)

    def _task_cycles(self, rows: int, together: int, tile: float) -> float:
        """The rows of the first strip are taken apart alone, and those of others beside products."""
        others = self._several(rows, together) - 1
        apart = self._copied(rows) * self.new_rows(rows) / self.rows_inside(rows) * BESIDE
        strip = together * rows * self.across * tile + self._alone()
        return self._copied(rows) + strip + others * (strip + apart)

    def _busiest(self, rows: int, together: int, tile: float) -> float:
        """The same, and what the weights take that do not stay in the second level from task to task."""
        tasks = self._tasks(rows, together)
        streamed = together * self._group_bytes if self.groups * self._group_bytes > SECOND_LEVEL else 0
        return super()._busiest(rows, together, tile) + -(-tasks // self.threads) * streamed / STREAMED

    def tile_cycles(self, rows: int) -> float:
        """Cycles of a tile, which waits between panels."""
        return super().tile_cycles(rows) + (self._parts(self._panel(rows)) - 1) * WAITING * self._vectors

    def _copied(self, rows: int) -> float:
        x = self.geometry.x
        return super()._copied(rows) + TOGETHER * TAKEN_APART * self.rows_inside(rows) * x.width * x.blocks

    def _loading(self, rows: int) -> tuple[float, float]:
        """Cycles of loading a row, which fills a line."""
        blocks, height, _, _ = self._panel(rows)
        each = LOADED if self._operands(blocks, height, rows) <= FIRST_LEVEL else BEYOND
        return each, each
