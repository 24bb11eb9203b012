"""OpenCV's `INTER_LINEAR` on uint8, in its own fixed-point steps.

Weights of 11 bits, the horizontal blend first, each product cut to 16 bits, one rounding at the end.
"""

from __future__ import annotations

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.letterbox import Expr

WEIGHT_ONE = 1 << 11


def source_position(position: Expr, length: Expr, resized_length: Expr) -> Expr:
    """Where an output pixel's centre falls in the frame, in frame pixels, rounded as OpenCV rounds it."""
    scale = T.cast(length, "float64") / T.cast(resized_length, "float64")
    return T.cast((T.cast(position, "float64") + T.float64(0.5)) * scale - T.float64(0.5), "float32")


def weight_of(fraction: Expr) -> Expr:
    """The weight of the farther of two neighbours, in parts of `WEIGHT_ONE`."""
    return T.cast(T.nearbyint(fraction * T.float32(WEIGHT_ONE)), "int32")


def clamp(value: Expr, low: Expr, high: Expr) -> Expr:
    """The value, or the bound that it is beyond."""
    return T.max(T.min(value, high), low)


def across(near: Expr, far: Expr, weight: Expr) -> Expr:
    """The horizontal blend of two grey levels, 15 bits."""
    return (near * WEIGHT_ONE + (far - near) * weight) >> 4


def down(upper: Expr, lower: Expr, weight: Expr) -> Expr:
    """The vertical blend of two horizontal ones: a grey level."""
    return (((upper * (WEIGHT_ONE - weight)) >> 16) + ((lower * weight) >> 16) + 2) >> 2
