"""Where the frame lies inside the network's input: the arithmetic that both frame kernels share.

All of it is float64, in the order Ultralytics computes it in Python, so every rounding falls the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.runtime.manifest import InputSpec

Expr = Any  # a TIR expression; TVM ships no types

PAD_GREY = 114  # the grey level around the picture, as Ultralytics paints it


def gains(spec: InputSpec, height: Expr, width: Expr) -> tuple[Expr, Expr]:
    """Input pixels per frame pixel, down and across, for a frame of `height` x `width`."""
    down = T.float64(spec.height) / T.cast(height, "float64")
    across = T.float64(spec.width) / T.cast(width, "float64")
    if spec.resize == "stretch":
        return down, across
    return T.min(down, across), T.min(down, across)


def resized(length: Expr, gain: Expr) -> Expr:
    """Length in input pixels of a frame side; a sliver of a frame keeps one pixel."""
    return T.max(T.cast(T.nearbyint(T.cast(length, "float64") * gain), "int32"), 1)


def margin(outer: int, inner: Expr) -> Expr:
    """Input pixels before the picture when it is centred; an odd one goes behind it."""
    return T.truncdiv(outer - inner, 2)


@dataclass(frozen=True)
class LetterboxPlace:
    """Where the frame comes to lie in the image."""

    top: Expr
    left: Expr
    height: Expr
    width: Expr

    def holds_row(self, y: Expr) -> Expr:
        """Whether an image row shows any of it."""
        return T.And(y >= self.top, y < self.top + self.height)

    def holds_column(self, x: Expr) -> Expr:
        """Whether an image column does."""
        return T.And(x >= self.left, x < self.left + self.width)

    def meets_columns(self, start: Expr, count: int) -> Expr:
        """Whether any of some neighbouring columns does."""
        return T.And(start + count > self.left, start < self.left + self.width)
