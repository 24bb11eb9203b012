"""Frames of noise in every format, and what OpenCV makes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

CONVERSIONS: dict[str, int | None] = {
    "bgr": None,
    "rgb": cv2.COLOR_RGB2BGR,
    "nv12": cv2.COLOR_YUV2BGR_NV12,
    "i420": cv2.COLOR_YUV2BGR_I420,
    "gray": cv2.COLOR_GRAY2BGR,
}
SHAPES: dict[str, Callable[[int, int], tuple[int, ...]]] = {
    "bgr": lambda height, width: (height, width, 3),
    "rgb": lambda height, width: (height, width, 3),
    "nv12": lambda height, width: (height * 3 // 2, width),
    "i420": lambda height, width: (height * 3 // 2, width),
    "gray": lambda height, width: (height, width),
}


def noise(name: str, height: int, width: int, seed: int = 0) -> Bytes:
    """A buffer of that format; its colours are any at all, most of them beyond what a screen can show."""
    return np.random.default_rng(seed).integers(0, 256, SHAPES[name](height, width), np.uint8)


def as_bgr(name: str, buffer: Bytes) -> Bytes:
    """The buffer's picture, converted by OpenCV."""
    code = CONVERSIONS[name]
    return buffer if code is None else np.asarray(cv2.cvtColor(buffer, code), np.uint8)


def planes(name: str, buffer: Bytes) -> tuple[Any, ...]:
    """The buffer's planes, cut by hand."""
    if name in ("bgr", "rgb", "gray"):
        return (buffer,)
    height, width = buffer.shape[0] * 2 // 3, buffer.shape[1]
    flat = buffer.reshape(-1)
    brightness, rest = flat[: height * width].reshape(height, width), flat[height * width :]
    if name == "nv12":
        return brightness, rest.reshape(height // 2, width)
    half = rest.size // 2
    return brightness, rest[:half].reshape(height // 2, -1), rest[half:].reshape(height // 2, -1)
