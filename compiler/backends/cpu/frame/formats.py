"""The formats of frames that artifacts read, each by a kernel of its own."""

from __future__ import annotations

from zcc.compiler.backends.cpu.frame.frame_format import FrameFormat, FramePlane
from zcc.compiler.backends.cpu.frame.yuv import colours_of_yuv
from zcc.runtime.manifest import InputSpec
from zcc.runtime.manifest_rules import COLORS

PIXELS = FramePlane(load=8, channels=3, nested=True)
BRIGHTNESS = FramePlane(load=2)
CHROMA_PAIRS = FramePlane(load=4, channels=2, halving=1)
CHROMA = FramePlane(load=2, halving=1)

FORMATS = {
    "bgr": FrameFormat((PIXELS,), lambda levels: levels[::-1]),
    "rgb": FrameFormat((PIXELS,), lambda levels: levels),
    "nv12": FrameFormat((BRIGHTNESS, CHROMA_PAIRS), colours_of_yuv),
    "i420": FrameFormat((BRIGHTNESS, CHROMA, CHROMA), colours_of_yuv),
    "gray": FrameFormat((BRIGHTNESS,), lambda levels: list(levels) * 3),
}
UNORDERED = ("nv12", "i420", "gray")  # their channels have no order that an artifact would have to be told


def formats_of(spec: InputSpec) -> tuple[str, ...]:
    """What an artifact with that input reads; first, what it takes a frame for of which nothing is said."""
    return (spec.color, *(color for color in COLORS if color != spec.color), *UNORDERED)
