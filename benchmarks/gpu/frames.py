"""Frames of noise in every format, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCKS = 16
Planes = tuple[NDArray[np.uint8], ...]

SHAPES: dict[str, Callable[[int, int], list[tuple[int, ...]]]] = {
    "bgr": lambda height, width: [(height, width, 3)],
    "rgb": lambda height, width: [(height, width, 3)],
    "nv12": lambda height, width: [(height, width), (height // 2, width)],
    "i420": lambda height, width: [(height, width), (height // 2, width // 2), (height // 2, width // 2)],
    "gray": lambda height, width: [(height, width)],
}


def noise(name: str, size: tuple[int, int], seed: int, pitch: int = 0) -> Planes:
    """The planes of a frame, with `pitch` bytes behind each row."""
    rng = np.random.default_rng(seed)
    return tuple(_plane(rng, shape, pitch) for shape in SHAPES[name](*size))


def scene(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A frame of coloured blocks, sixteen in a row, under noise."""
    rng = np.random.default_rng(seed)
    side = -(-width // BLOCKS)
    colours = rng.integers(0, 205, (-(-height // side), BLOCKS, 3), np.uint8)
    whole = colours.repeat(side, 0).repeat(side, 1)[:height, :width]
    return np.asarray(whole + rng.integers(0, 51, whole.shape, np.uint8))


def as_frame(planes: Planes) -> Any:
    """What a detector is handed: the only plane, or all of them."""
    return planes[0] if len(planes) == 1 else planes


def _plane(rng: np.random.Generator, shape: tuple[int, ...], pitch: int) -> NDArray[np.uint8]:
    row = int(np.prod(shape[1:]))
    memory = rng.integers(0, 256, (shape[0], row + pitch), np.uint8)
    strides = (row + pitch, *np.empty(shape[1:], np.uint8).strides)
    return np.lib.stride_tricks.as_strided(memory, shape, strides)
