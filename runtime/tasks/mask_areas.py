"""Which cells of the prototypes a detection's mask needs, and where the frame lies among them."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.executors.frame_block import letterbox
from zcc.runtime.manifest import InputSpec

Ints = NDArray[np.int32]
FINEST = 4  # parts of a cell


@dataclass(frozen=True)
class FrameAmongCells:
    """How a frame's pixels lie among parts of cells, which are as fine as it takes to cut off the border around it.

    Masks are resampled twice, as exporters do it: from cells to parts, and from those of the frame to pixels.
    """

    # (2, 5), x first: parts per pixel, the last part, parts before the first, parts of a cell, cells.
    places: NDArray[np.float32]
    size: tuple[int, int]  # of the frame: height, width

    @classmethod
    def of(cls, spec: InputSpec, cells: tuple[int, int], size: tuple[int, int]) -> FrameAmongCells:
        """The place of a frame of that size among so many cells down and across."""
        box = letterbox(spec, *size)
        stride = spec.height // cells[0]
        parts = min(stride // gcd(stride, box.top, box.left, box.top + box.height, box.left + box.width), FINEST)
        across = _axis(parts, stride, box.left, box.width, size[1])
        down = _axis(parts, stride, box.top, box.height, size[0])
        return cls(np.array([(*across, cells[1]), (*down, cells[0])], np.float32), size)

    def pixels(self, boxes: NDArray[np.float32]) -> Ints:
        """The pixels whose corner at the top left is in each box, (n, 4)."""
        whole = np.ceil(boxes).astype(np.int32)
        return np.minimum(whole, np.array([self.size[1], self.size[0]] * 2, np.int32))

    def cells(self, pixels: Ints) -> Ints:
        """The cells that those pixels are made of, (n, 4)."""
        scale, last, before, parts, cells = self.places.T
        first, final = pixels[:, :2], np.maximum(pixels[:, 2:] - 1, pixels[:, :2])
        low, high = (np.floor(np.clip((at + np.float32(0.5)) * scale - 0.5, 0, last)) for at in (first, final))
        ends = low, np.minimum(high + 1, last)
        among = [np.clip((part + before + 0.5) / parts - 0.5, 0, cells - 1) for part in ends]
        return np.concatenate([np.floor(among[0]), np.ceil(among[1]) + 1], axis=1).astype(np.int32)


def _axis(parts: int, stride: int, begin: int, length: int, pixels: int) -> tuple[float, float, float, float]:
    shown = length * parts / stride
    return shown / pixels, max(shown - 1, 0), begin * parts / stride, parts


def begins(areas: Ints) -> tuple[NDArray[np.int64], int]:
    """Where each of several areas begins that lie one after another, and how large they are together."""
    sizes = np.prod(np.maximum(areas[:, 2:] - areas[:, :2], 0), axis=1, dtype=np.int64)
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)[: len(areas)], int(sizes.sum())
