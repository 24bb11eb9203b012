"""The tile of sums of numbers in pieces: what is multiplied next is taken apart between the instructions that multiply.

A task holds the pieces of one panel's pairs of blocks, and of the next one's. Where a panel has all pairs, it holds a
strip of rows instead, and what the next strip of the task adds: rows lie in a ring, so that none is taken apart twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_registers import LANES, ROW, load_register
from zcc.compiler.backends.cpu.kernels.amx_steps import Beside, Emission, Operand, Other, emit_some, nothing
from zcc.compiler.backends.cpu.kernels.conv_loops import Between, at_once
from zcc.compiler.backends.cpu.kernels.pieces import words_of
from zcc.compiler.backends.cpu.kernels.split_plan import SplitPlan
from zcc.compiler.backends.cpu.kernels.vector import load, named, ramp
from zcc.compiler.backends.cpu.kernels.woven_tile import Before, Held, WovenTile
from zcc.runtime.split_weights import PIECES


@dataclass(frozen=True)
class Coming:
    """What is taken apart beside the steps of a panel, if there is any more: pairs, and rows of the task."""

    more: Expr
    pair: Any  # the first
    row: Any  # the first
    rows: int


@dataclass(frozen=True)
class SplitTile(WovenTile):
    """The tile whose operands are in pieces: x in those that its task makes."""

    plan: SplitPlan
    blocks: int  # of x

    def _gathered(self, number: Any) -> Held:
        """Pieces of the first panel; two channels in a word."""
        plan, width = self.plan, self.geometry.x.width
        words = T.alloc_buffer((plan.held_pairs, PIECES, plan.held_rows, width, LANES), "uint32")
        held = words, named(self._task(plan.strip_of(number, 0))[1] * plan.rows), 0
        with T.grid(plan.panel[0], plan.rows_inside(plan.rows), width) as place:
            self._take_apart(held, place, at_once)
        return held

    def _take_apart(self, held: Held, place: Sequence[Any], between: Between) -> None:
        """A vector of a pair of blocks; where there is no second block, its weights are zeros."""
        (words, top, _), (pair, row, column) = held, place
        one, other = self.geometry.halves(pair, top * self.geometry.stride[0] + row, column, self.blocks)
        values = [named(load(self.x, *one, ramp(0, LANES))), between(load(self.x, *other, ramp(0, LANES)))]
        slot = [tirx.floormod(pair, self.plan.held_pairs), tirx.floormod(row, self.plan.held_rows)]
        for piece, word in enumerate(words_of(values)):
            T.buffer_store(words, word, [slot[0], piece, slot[1], column, ramp(0, LANES)])

    def _coming(self, held: Held, panel: Any) -> Coming | None:
        """The next strip where a task has several, else the next pairs; None where a panel has all there is."""
        plan = self.plan
        if plan.strips_of_task > 1:
            following, step = held[2] + 1, plan.rows * self.geometry.stride[0]
            rows = plan.new_rows(plan.rows)
            first = following * step + plan.rows_inside(plan.rows) - rows
            return Coming(following < plan.strips_of_task, 0, first, rows)
        if plan.panels == plan.parts:
            return None
        pair = (tirx.floordiv(panel, plan.parts) + 1) * plan.panel[0]
        return Coming(pair < plan.run.blocks, pair, 0, plan.rows_inside(plan.rows))

    def _steps(self, first: Any, panel: Any, place: Sequence[Any], held: Held | None, tile: Any) -> None:
        assert held is not None
        coming = self._coming(held, panel)
        if coming is None:
            super()._steps(first, panel, place, held, tile)
            return
        with T.If(coming.more):
            with T.Then(), T.serial(first, prod(self.plan.panel)) as step:
                self._step_beside(coming, panel, step, place, held, tile)
            with T.Else():
                super()._steps(first, panel, place, held, tile)

    def _weave(
        self, panel: Any, place: Sequence[Any], held: Held | None, tile: Any, before: Before, beside: Beside = nothing
    ) -> None:
        assert held is not None
        coming = self._coming(held, panel)
        if coming is None or self.plan.strips_of_task == 1:  # the last panel has no next pairs
            super()._weave(panel, place, held, tile, before, beside)
            return
        with T.If(coming.more):
            with T.Then():
                super()._weave(panel, place, held, tile, before, partial(self._others, coming, panel, held, tile))
            with T.Else():
                super()._weave(panel, place, held, tile, before, beside)

    def _step_beside(self, coming: Coming, panel: Any, step: Any, place: Sequence[Any], held: Held, tile: Any) -> None:
        """A step, and what comes, unless all has been taken apart already."""
        tap = [named(index) for index in self._tap(panel, step)]
        with T.If(self._first(coming, panel, step, tile) < self._vectors(coming)):
            with T.Then():
                left: list[Emission] = [partial(instruction, tap, place, held) for instruction in self._step]
                others = self._others(coming, panel, held, tile, step)
                each = -(-len(left) // len(others))
                for other in others:
                    other(partial(emit_some, left, each))
            with T.Else():
                for instruction in self._step:
                    instruction(tap, place, held)

    def _vectors(self, coming: Coming) -> int:
        return self.plan.panel[0] * coming.rows * self.geometry.x.width

    def _each(self, coming: Coming) -> int:
        """Vectors beside a step."""
        plan = self.plan
        return -(-self._vectors(coming) // (plan.tiles * plan.parts * prod(plan.panel)))

    def _first(self, coming: Coming, panel: Any, step: Any, tile: Any) -> Any:
        plan = self.plan
        done = (tirx.floormod(panel, plan.parts) * plan.tiles + tile) * prod(plan.panel) + step
        return named(done * self._each(coming))

    def _others(self, coming: Coming, panel: Any, held: Held, tile: Any, step: Any) -> list[Other]:
        """Taking apart of the vectors beside a step; beyond the last one, that one again."""
        first = self._first(coming, panel, step, tile)
        return [partial(self._take_next, coming, held, first + number) for number in range(self._each(coming))]

    def _take_next(self, coming: Coming, held: Held, number: Any, between: Between) -> None:
        width = self.geometry.x.width
        vector = named(tirx.min(number, self._vectors(coming) - 1))
        pair, within = tirx.floordiv(vector, coming.rows * width), tirx.floormod(vector, coming.rows * width)
        row, column = tirx.floordiv(within, width), tirx.floormod(within, width)
        self._take_apart(held, [named(coming.pair + pair), named(coming.row + row), named(column)], between)

    def _load_x(
        self, register: int, operand: Operand, tap: Sequence[Any], place: Sequence[Any], held: Held | None
    ) -> None:
        assert held is not None
        (words, top, _), geometry, (pair, ky, kx, _), plan = held, self.geometry, tap, self.plan
        row = (place[1] - top) * geometry.stride[0] + ky * geometry.dilation[0]
        pixel = (place[2] + operand[0] * plan.register_rows) * geometry.stride[1] + kx * geometry.dilation[1]
        slot = [tirx.floormod(pair, plan.held_pairs), operand[1], tirx.floormod(row, plan.held_rows)]
        load_register(register, words, [*slot, pixel, 0], geometry.stride[1] * ROW)

    def _load_weights(
        self, register: int, operand: Operand, tap: Sequence[Any], place: Sequence[Any], _: Held | None
    ) -> None:
        (pair, ky, kx, _), (block, part) = tap, self.outputs[operand[0]]
        first = [place[0] + block, pair, ky, kx, operand[1], 0, part * self.geometry.per_word]
        load_register(register, self.weight, first, self.pitch)

    def _fetch_of_first(self, tap: Sequence[Any], place: Sequence[Any], tile: Any) -> None:
        """Nothing: to fetch the 48 lines of a step took longer than to wait for them, on one thread and on sixteen."""
