"""The tile of a convolution in AMX's tile registers whose operands are read as they lie in memory.

A register of x holds a column of the map in each row: the channels that a run of neighbouring taps meets, so that 3x3
needs no copies and any stride is the distance of rows; or, where a task has gathered the rows that it reads, those of
all blocks, which fill the register better. A register of weights holds a word of input channels in each row, for
sixteen output channels, as all dot products have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_registers import load_register
from zcc.compiler.backends.cpu.kernels.amx_steps import Operand
from zcc.compiler.backends.cpu.kernels.vector import load, named, prefetch, ramp
from zcc.compiler.backends.cpu.kernels.woven_tile import Held, WovenTile

# How many steps ahead weights are brought nearer in a task's first tile: those of a network do not stay in a core's
# cache from frame to frame. YOLOv5s and YOLOv8n in bf16 on 16 cores of an Emerald Rapids took 0.96 to 0.97 of the time.
AHEAD = 4


@dataclass(frozen=True)
class AmxTile(WovenTile):
    """Operands as they lie, or gathered."""

    def _gathered(self, number: Any) -> Held | None:
        """The rows that a task reads, the blocks of a pixel side by side; None where x is read as it lies."""
        plan, x = self.plan, self.geometry.x
        if not plan.run.gathered:
            return None
        rows = plan.rows_inside(plan.rows)
        pixels = T.alloc_buffer((rows, x.width, x.blocks * x.lanes), x.dtype)
        top = named(self._task(number)[1] * plan.rows)
        with T.grid(rows, x.width) as (row, column):
            for block in range(x.blocks):
                lanes = load(self.x, block, top * self.geometry.stride[0] + row, column, ramp(0, x.lanes))
                T.buffer_store(pixels, lanes, [row, column, ramp(block * x.lanes, x.lanes)])
        return pixels, top, 0

    def _fetch_of_first(self, tap: Sequence[Any], place: Sequence[Any], tile: Any) -> None:
        """The first tile of a group brings its weights nearer."""
        with T.If(self._of_group(tile) == 0), T.Then():
            self._fetch_ahead(tap, place)

    def _fetch_ahead(self, tap: Sequence[Any], place: Sequence[Any]) -> None:
        (x_block, ky, kx, step), words = tap, self.plan.run.words
        for block, part in self.outputs:
            for word in range(words):
                later = [place[0] + block, x_block, ky, kx, (step + AHEAD) * words + word]
                prefetch(self.weight, *later, part * self.geometry.per_word)

    def _load_x(
        self, register: int, operand: Operand, tap: Sequence[Any], place: Sequence[Any], held: Held | None
    ) -> None:
        geometry, x, (block, ky, kx, step) = self.geometry, self.geometry.x, tap
        # A run goes on beyond its pixel's lanes, into those of the next tap.
        lane, first = step * (self.plan.run.words * geometry.per_word), operand[0] * self.plan.register_rows
        pixel = (place[2] + first) * geometry.stride[1] + kx * geometry.dilation[1]
        distance = geometry.stride[1] * x.lanes * self.plan.product.item
        if held is not None:
            pixels, top, _ = held
            row = (place[1] - top) * geometry.stride[0] + ky * geometry.dilation[0]
            load_register(register, pixels, [row, pixel, lane], x.blocks * distance)
            return
        row = place[1] * geometry.stride[0] + ky * geometry.dilation[0]
        load_register(register, self.x, [block, row, pixel, lane], distance)

    def _load_weights(
        self, register: int, operand: Operand, tap: Sequence[Any], place: Sequence[Any], _: Held | None
    ) -> None:
        (x_block, ky, kx, step), (block, part) = tap, self.outputs[operand[0]]
        first = [place[0] + block, x_block, ky, kx, step * self.plan.run.words, part * self.geometry.per_word]
        load_register(register, self.weight, first, self.pitch)
