"""What a kernel must know of a frame's memory: its planes, and how the colours of a pixel follow from their bytes.

Two neighbouring pixels are read at a time: from each plane one load takes what both need, and vectors of such words are
then taken apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.letterbox import Expr

Levels = Sequence[Expr]  # int32 grey levels


@dataclass(frozen=True)
class FramePlane:
    """One of the planes that a frame consists of."""

    load: int  # bytes that are loaded for two neighbouring pixels: 2, 4 or 8
    channels: int = 1  # bytes of a sample
    halving: int = 0  # a sample stands for a square of 2 ** halving pixels a side
    nested: bool = False  # whether the channels are an axis of the array

    @property
    def word(self) -> str:
        """The type that holds what was loaded."""
        return f"uint{max(32, 8 * self.load)}"

    def shape(self, rows: Expr, cols: Expr) -> tuple[Expr, ...]:
        """Shape of the plane as an array, for a frame of that size."""
        height, width = self.sample(rows), self.sample(cols)
        return (height, width, self.channels) if self.nested else (height, width * self.channels)

    def strides(self, pitch: Expr) -> tuple[Expr, ...]:
        """Its rows may have any distance."""
        return (pitch, self.channels, 1) if self.nested else (pitch, 1)

    def sample(self, position: Expr) -> Expr:
        """The row or column of samples that stands for a row or column of the frame."""
        return position >> self.halving if self.halving else position

    @property
    def least_width(self) -> int:
        """Pixels of a frame whose rows are long enough to load from."""
        return -(-self.load // self.channels) << self.halving

    def begin(self, first: Expr, cols: Expr) -> Expr:
        """The byte of a row at which the load for the pixels `first` and `first` + 1 begins; it ends inside the row."""
        room = self.sample(cols) * self.channels - self.load
        return T.max(T.min(self.sample(first) * self.channels, room), 0)

    def fetch(self, memory: Any, at: Expr) -> Expr:
        """What is loaded from there on."""
        return T.cast(T.reinterpret(f"uint{8 * self.load}", memory[T.ramp(at, 1, self.load)]), self.word)

    def assemble(self, memory: Any, row: Expr, cols: Expr) -> Expr:
        """The same word where the row is too short for it; its last sample stands for those that it has not."""
        last = self.sample(cols) - 1
        places = (T.min(k // self.channels, last) * self.channels + k % self.channels for k in range(self.load))
        word: Expr = tirx.const(0, self.word)
        for k, place in enumerate(places):
            word = word | (T.cast(memory[row + place], self.word) << tirx.const(8 * k, self.word))
        return word

    def levels(self, word: Expr, begin: Expr, pixel: Expr) -> Levels:
        """The bytes that stand for a pixel in a word that was loaded from `begin` on."""
        skipped = self.sample(pixel) * self.channels - begin
        sample = T.cast(word >> T.cast(8 * skipped, self.word), "uint32")
        return [T.cast((sample >> T.uint32(8 * c)) & T.uint32(255), "int32") for c in range(self.channels)]


@dataclass(frozen=True)
class FrameFormat:
    """One way to store a frame."""

    planes: tuple[FramePlane, ...]
    colours: Callable[[Levels], Levels]  # red, green and blue of a pixel from the bytes that stand for it
