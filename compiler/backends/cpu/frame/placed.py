"""Where the frame lies in the network's input, and the way back from there."""

from __future__ import annotations

from dataclasses import dataclass

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.letterbox import Expr


@dataclass(frozen=True)
class PicturePlace:
    """The frame's size, what of the input lies before it, and input pixels per frame pixel; by axis, x first."""

    lengths: tuple[Expr, Expr]
    spare: tuple[Expr, Expr]
    gains: tuple[Expr, Expr]

    def unclipped(self, position: Expr, axis: int) -> Expr:
        """An input coordinate in frame pixels."""
        return (position - self.spare[axis]) / self.gains[axis]

    def to_frame(self, position: Expr, axis: int) -> Expr:
        """An input coordinate in frame pixels, inside the frame."""
        return T.max(T.min(self.unclipped(position, axis), T.cast(self.lengths[axis], "float32")), T.float32(0))
