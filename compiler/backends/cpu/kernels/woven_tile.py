"""The loops of a convolution's tiles in AMX's tile registers: sixteen columns times sixteen outputs in an instruction.

There is one register of x and one of weights beside those of sums. What is loaded again is renamed by the processor, so
that loads run beside products all the same; it has few registers to rename them to, and each name in use takes one.

Sums go through memory to the stages behind them, which vector units do: while a tile is multiplied, they finish the one
before, an instruction of the one after some vectors of the other. A strip has several tiles, so that there mostly is
one. Where its steps come in panels, all tiles do one before the next, and their sums wait in memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from math import prod
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_plan import AmxPlan
from zcc.compiler.backends.cpu.kernels.amx_registers import (
    LANES,
    ROW,
    WORD,
    configured,
    emit,
    load_register,
    store_register,
)
from zcc.compiler.backends.cpu.kernels.amx_steps import (
    Beside,
    Emission,
    Operand,
    emit_some,
    nothing,
    pinning,
    products_and_loads,
    rounds_of,
)
from zcc.compiler.backends.cpu.kernels.conv_loops import Between, ConvGeometry, Finish, at_once
from zcc.compiler.backends.cpu.kernels.vector import load, named, ramp

BUFFERS = 2  # of sums: those of the tile before are finished while those of a tile are stored


# Rows of x, the blocks of a pixel side by side, the first row of the map that they serve, and the strip of the task.
Held = tuple[Any, Any, Any]
Instruction = Callable[[Sequence[Any], Sequence[Any], Held | None], None]  # of a tap, at a place, from rows held
Before = Callable[[Any, Between], None]  # finishes a chunk of the tile before


@dataclass(frozen=True)
class WovenTile(ABC):
    """Emits the loops; the operands are declared buffers, `start` holds what the sum of each channel starts at."""

    geometry: ConvGeometry
    plan: AmxPlan
    x: Any
    weight: Any
    start: Any

    together = 1  # `finish` gets the sums of one block at a time

    @property
    def parts(self) -> range:
        """The first lanes of the parts of a block that a tile register holds."""
        return range(0, self.geometry.out.lanes, LANES)

    @property
    def outputs(self) -> list[tuple[int, int]]:
        """Blocks of the tile, and first lanes of their parts: one register of weights each."""
        return [(block, part) for block in range(self.geometry.tile.blocks) for part in self.parts]

    @property
    def pieces(self) -> Sequence[tuple[int, int]]:
        """Those of x and of weights that are multiplied with each other."""
        return self.plan.product.pieces

    @property
    def pitch(self) -> int:
        """Bytes from the sums of a column to those of the next."""
        return self.geometry.out.lanes * WORD

    def emit(self, finish: Finish) -> None:
        """All tiles; `finish` gets the sums of some columns of a block, and where they begin."""
        plan, geometry = self.plan, self.geometry
        shape = (self._buffers, geometry.tile.blocks, geometry.tile.columns, geometry.out.lanes)
        with pinning(), T.parallel(0, plan.tasks) as task, configured(self._shapes()):
            sums = T.alloc_buffer(shape, str(self.start.dtype))
            held = self._gathered(task)
            with T.serial(0, plan.strips_of_task) as strip:
                self._strip(finish, named(plan.strip_of(task, strip)), sums, held and (*held[:2], strip))

    def _strip(self, finish: Finish, number: Any, sums: Any, held: Held | None) -> None:
        """All tiles of a strip; the last is finished alone."""
        plan = self.plan
        with T.grid(plan.panels, plan.tiles) as (panel, tile):
            before = partial(self._finish, finish, sums, number, tile - 1)
            place, buffer = self._place(number, tile), tirx.floormod(tile, self._buffers)
            self._begin(panel, place[0], sums, buffer)
            self._sum(panel, place, held, tile, before)
            self._store(sums, buffer)
        with T.serial(0, plan.chunks) as chunk:
            self._finish(finish, sums, number, tirx.const(plan.tiles - 1, "int32"), chunk, at_once)

    @property
    def _buffers(self) -> int:
        """Of sums: all that wait for the next panel, or those that are stored while those before are finished."""
        return self.plan.tiles if self.plan.panels > 1 else BUFFERS

    def _place(self, number: Any, tile: Any) -> tuple[Any, Any, Any]:
        """The first block, the row and the first column of a tile of a task."""
        plan, geometry = self.plan, self.geometry
        group, strip = self._task(number)
        if plan.together > 1:
            group, tile = group * plan.together + tirx.floordiv(tile, plan.tiles_of_group), self._of_group(tile)
        row = strip * plan.rows + tirx.floordiv(tile, plan.across)
        column = geometry.first_column(tirx.floormod(tile, plan.across))
        return named(group * geometry.tile.blocks), named(row), named(column)

    def _task(self, number: Any) -> tuple[Any, Any]:
        """A task's share of the groups of blocks, and its strip of rows."""
        plan = self.plan
        if plan.rows_first:
            return tirx.floormod(number, plan.shares), tirx.floordiv(number, plan.shares)
        return tirx.floordiv(number, plan.strips), tirx.floormod(number, plan.strips)

    def _of_group(self, tile: Any) -> Any:
        """The number that a tile of a task has among those with the same weights."""
        return tile if self.plan.together == 1 else tirx.floormod(tile, self.plan.tiles_of_group)

    def _finish(self, finish: Finish, sums: Any, number: Any, tile: Any, chunk: Any, between: Between) -> None:
        """Some columns of a block of a tile that was stored."""
        each = self.geometry.tile.columns // self.plan.chunk
        block, first = named(tirx.floordiv(chunk, each)), named(tirx.floormod(chunk, each) * self.plan.chunk)
        place = self._place(number, tile)
        columns = [first + column for column in range(self.plan.chunk)]
        buffer = tirx.floormod(tile, self._buffers)

        def vectors(_: int) -> list[Expr]:
            return [load(sums, buffer, block, column, ramp(part, LANES)) for column in columns for part in self.parts]

        finish(vectors, [place[0] + block, *self.geometry.in_map(place[1], place[2] + first)], between)

    def _shapes(self) -> list[tuple[int, int]]:
        """Rows and their bytes, of the registers of sums, of x and of weights."""
        words, rows = self.plan.run.words, self.plan.register_rows
        return [(rows, ROW)] * len(self._sums()) + [(rows, words * WORD), (words, ROW)]

    def _sums(self) -> dict[tuple[int, int], int]:
        """The registers of sums, by register of columns and of outputs."""
        pairs = product(range(self.plan.registers), range(len(self.outputs)))
        return {pair: number for number, pair in enumerate(pairs)}

    def _begin(self, panel: Any, first: Any, sums: Any, buffer: Any) -> None:
        """The same row of `start` in all rows; or what a tile had summed before."""
        if self.plan.panels == 1:
            self._start(first)
            return
        with T.If(panel == 0):
            with T.Then():
                self._start(first)
            with T.Else():
                self._move(load_register, sums, buffer)

    def _start(self, first: Any) -> None:
        for (_, output), register in self._sums().items():
            block, part = self.outputs[output]
            load_register(register, self.start, [first + block, part], distance=0)

    @abstractmethod
    def _gathered(self, number: Any) -> Held | None:
        """What a task makes of x before its first tile; None where x is read as it lies."""

    @abstractmethod
    def _load_x(
        self, register: int, operand: Operand, tap: Sequence[Any], place: Sequence[Any], held: Held | None
    ) -> None:
        """Load a register of columns."""

    @abstractmethod
    def _load_weights(
        self, register: int, operand: Operand, tap: Sequence[Any], place: Sequence[Any], held: Held | None
    ) -> None:
        """Load a register of weights."""

    @abstractmethod
    def _fetch_of_first(self, tap: Sequence[Any], place: Sequence[Any], tile: Any) -> None:
        """Bring weights of the first tile of a group nearer, if that helps."""

    def _sum(self, panel: Any, place: Sequence[Any], held: Held | None, tile: Any, before: Before) -> None:
        """In its last panel a tile also finishes the one before."""
        plan = self.plan
        if plan.tiles == 1:
            self._steps(0, panel, place, held, tile)
            return
        with T.If(tirx.all(panel == plan.panels - 1, tile > 0)):
            with T.Then():
                self._weave(panel, place, held, tile, before)
            with T.Else():
                self._steps(0, panel, place, held, tile)

    def _steps(self, first: int, panel: Any, place: Sequence[Any], held: Held | None, tile: Any) -> None:
        """A panel's steps from the first on, with nothing between their instructions."""
        with T.serial(first, prod(self.plan.panel)) as step:
            tap = self._tap(panel, step)
            self._fetch_of_first(tap, place, tile)
            for instruction in self._step:
                instruction(tap, place, held)

    def _weave(
        self, panel: Any, place: Sequence[Any], held: Held | None, tile: Any, before: Before, beside: Beside = nothing
    ) -> None:
        """Steps and chunks of the tile before, an instruction of the one after some vectors of the other.

        Where a core has few registers to rename to, instructions of tile registers that come one right after the other
        take longest: five of them and 80 of vectors took 0.63 to 0.75 of the time in turns on an Emerald Rapids.
        """
        steps, chunks = prod(self.plan.panel), self.plan.chunks
        rounds, of_steps, of_chunks = rounds_of(steps, chunks)
        with T.serial(0, rounds) as number:
            together = [number * of_steps + step for step in range(of_steps)]
            taps = [[named(index) for index in self._tap(panel, step)] for step in together]
            for tap in taps:
                self._fetch_of_first(tap, place, tile)
            left: list[Emission] = [
                partial(instruction, tap, place, held) for tap in taps for instruction in self._step
            ]
            others = [other for step in together for other in beside(step)]
            each = -(-len(left) // (of_chunks * self._vectors_of_chunk + len(others)))
            for chunk in range(of_chunks):
                before(number * of_chunks + chunk, partial(emit_some, left, each))
            for other in others:
                other(partial(emit_some, left, each))
        self._steps(rounds * of_steps, panel, place, held, tile)
        with T.serial(rounds * of_chunks, chunks) as chunk:
            before(chunk, at_once)

    @property
    def _vectors_of_chunk(self) -> int:
        return self.plan.chunk * len(self.parts)

    def _tap(self, panel: Any, step: Any) -> Sequence[Any]:
        """The block, row, tap and step of a run that a step of a panel is."""
        blocks, rows, taps, steps = self.plan.panel
        parts = self.geometry.kernel[0] // rows
        block = tirx.floordiv(panel, parts) * blocks + tirx.floordiv(step, rows * taps * steps)
        row = tirx.floormod(panel, parts) * rows + tirx.floormod(tirx.floordiv(step, taps * steps), rows)
        return block, row, tirx.floormod(tirx.floordiv(step, steps), taps), tirx.floormod(step, steps)

    @cached_property
    def _step(self) -> list[Instruction]:
        """What multiplies all columns with all outputs; what is in its register already is not loaded again."""
        sums = self._sums()
        x, weights = len(sums), len(sums) + 1
        made: list[Instruction] = []
        steps = products_and_loads(self.plan.registers, len(self.outputs), self.pieces)
        for column, output, another_x, other_weights in steps:
            if another_x:
                made.append(partial(self._load_x, x, column))
            if other_weights:
                made.append(partial(self._load_weights, weights, output))
            made.append(partial(self._multiply, sums[column[0], output[0]], x, weights))
        return made

    def _multiply(self, total: int, x: int, weights: int, *_: Any) -> None:
        emit(self.plan.product.instruction, total, x, weights)

    def _store(self, buffer: Any, number: Any) -> None:
        self._move(store_register, buffer, number)

    def _move(self, move: Callable[[int, Any, Sequence[Any], int], None], buffer: Any, number: Any) -> None:
        """Load or store all sums."""
        for (column, output), register in self._sums().items():
            block, part = self.outputs[output]
            move(register, buffer, [number, block, column * self.plan.register_rows, part], self.pitch)
