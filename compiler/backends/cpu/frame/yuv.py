"""Colours of the frames that cameras and video decoders hand out.

They are those of OpenCV's `cvtColor`, step by step: BT.601, limited range. They are made of each pixel of the frame
before any is blended, since what lies outside of what red, green and blue can show is cut off.
"""

from __future__ import annotations

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.frame_format import Levels
from zcc.compiler.backends.cpu.frame.resample import clamp

BITS = 20  # of a share, behind the point
BLACK, NEUTRAL = 16, 128  # the brightness of black; U and V of what has no colour
LIGHT = round(1.164 * (1 << BITS))
RED_OF_V, BLUE_OF_U = round(1.596 * (1 << BITS)), round(2.018 * (1 << BITS))
GREEN_OF_U, GREEN_OF_V = -round(0.391 * (1 << BITS)), -round(0.813 * (1 << BITS))
HALF = 1 << (BITS - 1)


def colours_of_yuv(levels: Levels) -> Levels:
    """Red, green and blue of a pixel's brightness, U and V."""
    brightness, u, v = levels
    light = T.max(brightness - BLACK, 0) * LIGHT + HALF
    u, v = u - NEUTRAL, v - NEUTRAL
    sums = light + v * RED_OF_V, light + u * GREEN_OF_U + v * GREEN_OF_V, light + u * BLUE_OF_U
    return [clamp(total >> BITS, 0, 255) for total in sums]
