"""Which cells of the prototypes a detection's mask needs, and where the frame lies among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.executors.frame_block import letterbox
from zcc.runtime.manifest import InputSpec

Ints = NDArray[np.int32]
FINEST = 4  # parts of a cell; the border around the picture is cut off as finely as it takes, up to that


@dataclass(frozen=True)
class FrameAmongCells:
    """By axis, x first: cells per pixel of the frame, where pixel -0.5 lies, and the bounds that pixels keep to."""

    places: NDArray[np.float32]  # (2, 4)
    size: tuple[int, int]  # of the frame: height, width

    @classmethod
    def of(cls, spec: InputSpec, cells: tuple[int, int], size: tuple[int, int]) -> FrameAmongCells:
        """The place of a frame of that size among so many cells down and across."""
        box = letterbox(spec, *size)
        across = _axis(spec.width / cells[1], box.left, box.width, size[1])
        down = _axis(spec.height / cells[0], box.top, box.height, size[0])
        return cls(np.array([across, down], np.float32), size)

    def pixels(self, boxes: NDArray[np.float32]) -> Ints:
        """The pixels whose corner at the top left is in each box, (n, 4)."""
        whole = np.ceil(boxes).astype(np.int32)
        return np.minimum(whole, np.array([self.size[1], self.size[0]] * 2, np.int32))

    def cells(self, pixels: Ints) -> Ints:
        """The cells between which the centres of those pixels lie, (n, 4)."""
        scale, offset, least, most = self.places.T
        first, last = pixels[:, :2], np.maximum(pixels[:, 2:] - 1, pixels[:, :2])
        low, high = (np.clip((at + np.float32(0.5)) * scale + offset, least, most) for at in (first, last))
        upper = np.minimum(np.floor(high) + 1, np.ceil(most))
        return np.concatenate([np.floor(low), upper + 1], axis=1).astype(np.int32)


def _axis(stride: float, begin: int, length: int, pixels: int) -> tuple[float, float, float, float]:
    parts = next((n for n in (1, 2) if begin * n % stride == 0 and (begin + length) * n % stride == 0), FINEST)
    edge = stride / parts / 2
    least, most = ((at) / stride - 0.5 for at in (begin + edge, begin + length - edge))
    return length / pixels / stride, begin / stride - 0.5, least, max(least, most)


def begins(areas: Ints) -> tuple[NDArray[np.int64], int]:
    """Where each of several areas begins that lie one after another, and how large they are together."""
    sizes = np.prod(np.maximum(areas[:, 2:] - areas[:, :2], 0), axis=1, dtype=np.int64)
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)[: len(areas)], int(sizes.sum())
