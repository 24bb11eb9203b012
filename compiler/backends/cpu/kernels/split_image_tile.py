"""The tile of a convolution of an image in AMX's tile registers: of grey levels, or of any numbers.

A camera's image has grey levels, 0 to 255, in 255ths. A level is a number of bfloat16, so three products of a step make
what six make of other numbers. A task looks at what it reads: where all of it is such levels, it takes these; where a
network is given other numbers, it takes them apart. Weights are in 255ths instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx
from tvm.ir import Expr, PrimType
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.amx_plan import AmxPlan
from zcc.compiler.backends.cpu.kernels.amx_registers import LANES, LEVELS, SPLIT, WORD, AmxProduct, load_register
from zcc.compiler.backends.cpu.kernels.amx_steps import Operand
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry, Finish
from zcc.compiler.backends.cpu.kernels.pack_image import GREY_LEVELS
from zcc.compiler.backends.cpu.kernels.pieces import bits_of, in_each, words_of
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.vector import f32s, llvm, load, named, product, ramp
from zcc.compiler.backends.cpu.kernels.woven_tile import Held, WovenTile
from zcc.runtime.split_weights import PIECES, TOGETHER

LOW = 0xFFFF  # of a float32: the bits that bfloat16 has no room for


@dataclass(frozen=True)
class SplitImagePlan(AmxPlan):
    """A plan whose `geometry` has pixels side by side, which a task makes of the planes of an image."""

    @staticmethod
    def ways(geometry: ConvGeometry, product: AmxProduct) -> Sequence[bool]:
        """Tasks copy what they read, since they make pixels of it."""
        return (True,)


@dataclass(frozen=True)
class SplitImageTile(WovenTile):
    """The tile whose x is planes of an image; a task has its pixels, each of some words of two channels."""

    planes: Slab
    pieces: Sequence[tuple[int, int]] = LEVELS.pieces

    def _gathered(self, number: Any) -> Held:
        plan = self.plan
        rows, vectors = plan.rows_inside(plan.rows), -(-self.planes.width // LANES)
        pixels = T.alloc_buffer((PIECES, rows, self.planes.width * self._words), "uint32")
        others = T.alloc_buffer((LANES,), "uint32", scope="local")
        top = named(self._task(number)[1] * plan.rows)
        T.buffer_store(others, in_each(0), [ramp(0, LANES)])
        with T.grid(rows, vectors) as place:
            self._look(others, top, place)
        levels = named(llvm(PrimType("uint32"), "llvm.vector.reduce.or", load(others, ramp(0, LANES))) == 0)
        with T.If(levels):
            for branch, pieces in ((T.Then, 1), (T.Else, PIECES)):
                with branch(), T.grid(rows, vectors) as place:
                    self._take(pixels, top, place, pieces)
        return (pixels, levels), top, 0

    def _strip(self, finish: Finish, number: Any, sums: Any, held: Held | None) -> None:
        assert held is not None
        (pixels, levels), *rest = held
        with T.If(levels):
            for branch, pieces in ((T.Then, LEVELS.pieces), (T.Else, SPLIT.pieces)):
                with branch():
                    WovenTile._strip(replace(self, pieces=pieces), finish, number, sums, (pixels, rest[0], rest[1]))

    def _read(self, top: Any, place: Sequence[Any]) -> list[Expr]:
        """Neighbouring pixels of every plane; the last ones overlap those before."""
        row, vector = place
        planes = self.planes
        flat = T.decl_buffer(
            planes.shape[:-1], planes.dtype, data=self.x.data, strides=(planes.plane, planes.pitch, 1), align=4
        )
        at = [top * self.geometry.stride[0] + row, ramp(self._first(vector), LANES)]
        return [named(load(flat, plane, *at)) for plane in range(planes.blocks)]

    def _first(self, vector: Any) -> Any:
        return named(tirx.min(vector * LANES, self.planes.width - LANES))

    def _look(self, others: Any, top: Any, place: Sequence[Any]) -> None:
        """Remember where a number is no level: whose 255th it is not, or which bfloat16 does not hold."""
        found, nothing = load(others, ramp(0, LANES)), in_each(0)
        for value in self._read(top, place):
            scaled = named(_scaled(value))
            level = named(tirx.nearbyint(scaled))
            differs = bits_of(product(level, f32s(1 / GREY_LEVELS, LANES))) ^ bits_of(value)
            found |= tirx.Select(scaled.equal(level), nothing, differs)
            found |= bits_of(level) & in_each(LOW)
        T.buffer_store(others, found, [ramp(0, LANES)])

    def _take(self, pixels: Any, top: Any, place: Sequence[Any], pieces: int) -> None:
        """The words of some pixels: of levels, in one piece, or of numbers, in all."""
        scaled = [named(_scaled(value)) for value in self._read(top, place)]
        values = [named(tirx.nearbyint(value)) for value in scaled] if pieces == 1 else scaled
        pairs = [words_of(values[first : first + TOGETHER])[:pieces] for first in range(0, len(values), TOGETHER)]
        first = self._first(place[1]) * self._words
        for piece, words in enumerate(zip(*pairs, strict=True)):
            for number, part in enumerate(_side_by_side(words)):
                T.buffer_store(pixels, part, [piece, place[0], ramp(first + number * LANES, LANES)])

    @property
    def _words(self) -> int:
        """Of a pixel."""
        return -(-self.planes.blocks // TOGETHER)

    def _load_x(
        self, register: int, operand: Operand, tap: Sequence[Any], place: Sequence[Any], held: Held | None
    ) -> None:
        assert held is not None
        (pixels, top, _), geometry, (_, ky, kx, step) = held, self.geometry, tap
        row = (place[1] - top) * geometry.stride[0] + ky * geometry.dilation[0]
        pixel = (place[2] + operand[0] * self.plan.register_rows) * geometry.stride[1] + kx * geometry.dilation[1]
        word = pixel * self._words + step * self.plan.run.words
        load_register(register, pixels, [operand[1], row, word], geometry.stride[1] * self._words * WORD)

    def _load_weights(
        self, register: int, operand: Operand, tap: Sequence[Any], place: Sequence[Any], _: Held | None
    ) -> None:
        (_, ky, kx, step), (block, part) = tap, self.outputs[operand[0]]
        word = kx * self._words + step * self.plan.run.words
        first = [place[0] + block, ky, operand[1], word, part * self.geometry.per_word]
        load_register(register, self.weight, first, self.pitch)

    def _fetch_of_first(self, tap: Sequence[Any], place: Sequence[Any], tile: Any) -> None:
        """Nothing: the weights of an image's channels are few."""


def _scaled(value: Expr) -> Expr:
    return product(value, f32s(GREY_LEVELS, LANES))


def _side_by_side(words: Sequence[Expr]) -> Sequence[Expr]:
    """Vectors of the first, the second, … words of pixels, as vectors of pixels after pixels."""
    count = len(words)
    lanes = [(at % count) * LANES + at // count for at in range(count * LANES)]
    parts = [lanes[first : first + LANES] for first in range(0, len(lanes), LANES)]
    return [tirx.Shuffle(list(words), part) for part in parts] if count > 1 else words
