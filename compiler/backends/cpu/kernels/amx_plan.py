"""How a convolution in AMX's tile registers is cut into steps, tiles and tasks, and what it is expected to cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any, ClassVar

from tvm import tirx

from zcc.compiler.backends.cpu.kernels.amx_registers import LANES, ROW, AmxProduct
from zcc.compiler.backends.cpu.kernels.amx_runs import WordRun, gathering_helps, run_of
from zcc.compiler.backends.cpu.kernels.amx_steps import loads_of
from zcc.compiler.backends.cpu.kernels.choices import AmxChoice
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry

MOST_CHUNK = 8  # columns that are finished together
PACKED = 4  # of them are stored together
MOST_TILES = 16  # of a task: so many that the last, which is finished alone, counts little
LEAST_TASKS, TASKS_PER_THREAD = 32, 4  # an artifact also runs on more cores than its work was cut for
# Cycles, fitted to what 22 convolutions of YOLOv8n took in 108 tiles on an Emerald Rapids, on cores of both kinds that
# are told of below: the first tile took 1.02 times what the best did in the mean, 1.08 times where some are gathered.
# `python -m benchmarks.low_precision --dtype int8` (or bf16; --dots for dot products) times YOLOv5s in the first tile
# of each layer; `python -m benchmarks.tuning MODEL.onnx` says how far that is from the best on record.
# A product takes a cycle for each row of x, however many words a row has.
LOADED, CROSSING = 0.52, 0.9  # loading a row, and one that often lies in two lines of the cache
# What is written to a tile register lies in another one until it is done, of some 20 that a core has; for seconds on
# end it has half of them, most likely beside a busy hyper-thread, whoever's. Those that have names in use are taken. So
# steps that used all eight names took three times as long there, and steps that use four take half as much as those.
RENAMED, WRITTEN = 10.4, 90.0  # registers where there are few, and cycles until one that was written is free
OPERANDS = 2  # names beside those of sums: one of x, and one of weights
ENDS = 2.0  # setting a vector of sums to its start, and storing it
LATENCY = 10  # from the last product of a tile to the first of the next
# Copying one block of a column beside the others. Alone on 16 threads, whose rows other cores wrote, YOLOv8n takes 0.90
# of the time in int8 and 0.96 in bf16 where all that gets fewer steps by it is gathered; on one thread 1.03 and 1.08.
GATHERED, GATHERED_FROM_OTHERS = 4.0, 1.0
FINISHED = 12  # the stages behind a vector of sums
EXPOSED = 0.5  # products and stages overlap: this part of the shorter of the two is still to be waited for
CONFIGURED = 210  # configuring the tile registers for a task, and giving them back


@dataclass(frozen=True)
class AmxPlan:
    """How a convolution's work is cut: into steps, registers, tiles and tasks."""

    geometry: ConvGeometry
    product: AmxProduct
    threads: int

    most_held: ClassVar[int] = 1 << 18  # bytes that a task copies: a part of its core's cache
    most_shared: ClassVar[int] = 1 << 19  # of weights that one copy serves

    @staticmethod
    def ways(geometry: ConvGeometry, product: AmxProduct) -> Sequence[bool]:
        """Whether tasks may read x as it lies, or copy what they read."""
        return (False, True) if gathering_helps(geometry, product.item) else (False,)

    @cached_property
    def run(self) -> WordRun:
        """What is multiplied in one step."""
        tile = self.geometry.tile
        return run_of(self.geometry, self.product.item, isinstance(tile, AmxChoice) and tile.gathered)

    @property
    def steps(self) -> int:
        """Steps of a tile."""
        return self.run.blocks * self.geometry.kernel[0] * self.run.taps * self.run.steps

    @property
    def panels(self) -> int:
        """Parts of the steps, each of which all tiles of a task take before the next part."""
        return 1

    @property
    def panel(self) -> tuple[int, ...]:
        """Blocks, rows, taps and steps of a part."""
        return (self.run.blocks, self.geometry.kernel[0], self.run.taps, self.run.steps)

    @property
    def registers(self) -> int:
        """Tile registers of columns, side by side."""
        return -(-self.geometry.tile.columns // LANES)

    @property
    def register_rows(self) -> int:
        """Columns in a register."""
        return self.geometry.tile.columns // self.registers

    @property
    def outputs(self) -> int:
        """Tile registers of output channels."""
        return self.geometry.tile.blocks * self.geometry.out.lanes // LANES

    @property
    def across(self) -> int:
        """Tiles in a row of the map."""
        return -(-self.geometry.out.width // self.geometry.tile.columns)

    @property
    def rows(self) -> int:
        """Those of a strip."""
        return self._cut[0]

    @property
    def together(self) -> int:
        """Groups of blocks of a task: what it copies serves all of them."""
        return self._cut[1]

    @cached_property
    def _cut(self) -> tuple[int, int]:
        """Rows and groups of a task: of those that leave enough tasks, with which all are done first."""
        height, enough = self.geometry.out.height, self._enough
        if not self.run.gathered:
            fitting = [rows for rows in _divisors(height) if rows * self.across <= MOST_TILES]
            return max((rows for rows in fitting if self.groups * height >= enough * rows), default=1), 1
        weights = self._group_bytes
        rows_held = [rows for rows in _divisors(height) if rows == 1 or self._held(rows) <= self.most_held]
        shared = [count for count in _divisors(self.groups) if count == 1 or count * weights <= self.most_shared]
        cuts = [cut for cut in product(rows_held, shared) if self.groups * height >= enough * prod(cut)]
        tiles = {rows: self.tile_cycles(rows) for rows in {rows for rows, _ in cuts}}
        return min(cuts, key=lambda cut: (self._busiest(cut[0], cut[1], tiles[cut[0]]), -cut[0]))

    @property
    def _enough(self) -> int:
        """Tasks that there shall be."""
        return min(max(LEAST_TASKS, TASKS_PER_THREAD * self.threads), self.groups * self.geometry.out.height)

    def _busiest(self, rows: int, together: int, tile: float) -> float:
        """Cycles of the thread that has most to do, with so many of a tile."""
        return -(-self._tasks(rows, together) // self.threads) * self._task_cycles(rows, together, tile)

    def _tasks(self, rows: int, together: int) -> int:
        return self.groups // together * (self.geometry.out.height // rows)

    def _task_cycles(self, rows: int, together: int, tile: float) -> float:
        return self._copied(rows) + together * rows * self.across * tile + self._alone()

    def rows_inside(self, rows: int) -> int:
        """Rows of x that some rows of a task read."""
        return (rows - 1) * self.geometry.stride[0] + (self.geometry.kernel[0] - 1) * self.geometry.dilation[0] + 1

    def _held(self, rows: int) -> int:
        x = self.geometry.x
        return self.rows_inside(rows) * x.width * x.blocks * x.lanes * self.product.item * self.product.parts

    def _copied(self, rows: int) -> float:
        x = self.geometry.x
        each = GATHERED if self.threads == 1 else GATHERED_FROM_OTHERS
        return each * self.rows_inside(rows) * x.width * x.blocks * self.run.gathered

    def _alone(self) -> float:
        """Cycles of a task beside its tiles: the stages of the last run alone."""
        return FINISHED * self._vectors + CONFIGURED

    @property
    def _vectors(self) -> int:
        """Vectors of sums of a tile."""
        return self.geometry.tile.columns * self.outputs

    @property
    def tiles_of_group(self) -> int:
        """Tiles of a task that have the same weights."""
        return self.rows * self.across

    @property
    def tiles(self) -> int:
        """Tiles of a task."""
        return self.together * self.tiles_of_group

    @property
    def groups(self) -> int:
        """How many times as many blocks as a tile has the map has."""
        return self.geometry.out.blocks // self.geometry.tile.blocks

    @property
    def shares(self) -> int:
        """How many times as many groups as a task has the map has."""
        return self.groups // self.together

    @property
    def strips(self) -> int:
        """How many times as many rows as a strip has the map has."""
        return self.geometry.out.height // self.rows

    @property
    def tasks(self) -> int:
        """Shares of the groups times strips of rows."""
        return self._tasks(self.rows, self.together)

    @property
    def strips_of_task(self) -> int:
        """Strips that a task has one after the other."""
        return 1

    def strip_of(self, task: Any, strip: Any) -> Any:
        """The number among all shares and strips of one of a task's."""
        if self.strips_of_task == 1:
            return task
        if not self.rows_first:
            return task * self.strips_of_task + strip
        share, first = tirx.floormod(task, self.shares), tirx.floordiv(task, self.shares) * self.strips_of_task
        return (first + strip) * self.shares + share

    @property
    def rows_first(self) -> bool:
        """Whether all groups of a strip come before the next strip, or all strips of a group before the next group.

        Each thread has the same part of a convolution's tasks, and little of what they read is in its core's cache yet:
        maps were written by other cores, and the weights of a network do not fit. So the better order is the one in
        which a thread reads less; and of equals, the one in which it comes back to less.
        """
        each = self.tasks / self.threads
        by_rows = min(each, self.shares), max(1, each / self.shares)
        by_groups = max(1, each / self.strips), min(each, self.strips)
        weights, rows = self._weight_bytes(by_rows[0]), self._map_bytes(by_groups[1])
        return (weights + self._map_bytes(by_rows[1]), weights) < (self._weight_bytes(by_groups[0]) + rows, rows)

    def _weight_bytes(self, shares: float) -> float:
        return shares * self.together * self._group_bytes

    @property
    def _group_bytes(self) -> int:
        """Bytes of the weights of a group."""
        geometry = self.geometry
        lanes = geometry.x.blocks * geometry.x.lanes * geometry.tile.blocks * geometry.out.lanes
        return lanes * prod(geometry.kernel) * self.product.item * self.product.parts

    def _map_bytes(self, strips: float) -> float:
        geometry = self.geometry
        rows = (strips * self.rows - 1) * geometry.stride[0] + geometry.kernel[0]
        return rows * geometry.x.blocks * geometry.x.width * geometry.x.lanes * self.product.item

    @property
    def chunk(self) -> int:
        """Columns of a block that are finished together."""
        columns = self.geometry.tile.columns
        return max(
            (count for count in range(1, MOST_CHUNK + 1) if columns % count == 0),
            key=lambda count: (count == PACKED, count % PACKED == 0, count),
        )

    @property
    def chunks(self) -> int:
        """Chunks of a tile."""
        return self.geometry.tile.blocks * self.geometry.tile.columns // self.chunk

    def cycles(self) -> float:
        """Cycles for each vector of sums that the map has: those that tiles compute twice make the others dearer."""
        out = self.geometry.out
        rounds = -(-self.tasks // self.threads) * self.threads
        task = self._task_cycles(self.rows, self.together, self.tile_cycles(self.rows))
        return task * rounds / (out.blocks * out.lanes // LANES * out.width * out.height)

    def tile_cycles(self, rows: int) -> float:
        """Cycles of a tile in tasks of so many rows, beside which the stages of the one before run."""
        both = self.steps * self.step_cycles(rows), FINISHED * self._vectors
        return max(both) + EXPOSED * min(both) + ENDS * self._vectors + LATENCY

    def step_cycles(self, rows: int) -> float:
        """Cycles of a step in tasks of so many rows of the map."""
        shape = self.registers, self.outputs, self.register_rows, self.run.words
        return step_cycles(self.product, shape, self._loading(rows))

    def _loading(self, rows: int) -> tuple[float, float]:
        """Cycles of loading a row of x, and one of weights, in tasks of so many rows of the map."""
        x, run = self.geometry.x, self.run
        lanes = x.lanes * (x.blocks if run.gathered else self.geometry.stride[1])
        return LOADED if lanes * self.product.item % ROW == 0 else CROSSING, LOADED


def step_cycles(product: AmxProduct, shape: tuple[int, int, int, int], loading: tuple[float, float]) -> float:
    """Cycles of a step, the mean of those with many registers to rename to and of those with few.

    The shape is in registers of columns, registers of outputs, rows of x and words in a row; then what it takes to load
    a row of x, and one of weights.
    """
    (columns, outputs, rows, words), (of_x, of_weights) = shape, loading
    x_loads, weight_loads = loads_of(columns, outputs, product.pieces)
    products = columns * outputs * len(product.pieces)
    loaded = x_loads * rows * of_x + weight_loads * words * of_weights
    written = (x_loads + weight_loads + products) * WRITTEN / (RENAMED - columns * outputs - OPERANDS)
    return (max(rows * products, loaded) + max(written, loaded)) / 2


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]
