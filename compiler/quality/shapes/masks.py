"""Masks, compared by the pixels that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.quality.shapes.shapes import Floats

Bitmap = NDArray[np.bool_]


@dataclass(frozen=True)
class Mask:
    """A bitmap, and where in the picture it lies."""

    bitmap: Bitmap
    left: int
    top: int

    @classmethod
    def of(cls, whole: Bitmap) -> Mask:
        """What is inside of a mask as large as the picture."""
        rows, columns = np.flatnonzero(whole.any(1)), np.flatnonzero(whole.any(0))
        if not len(rows):
            return cls(np.zeros((0, 0), bool), 0, 0)
        top, left = int(rows[0]), int(columns[0])
        return cls(whole[top : rows[-1] + 1, left : columns[-1] + 1], left, top)

    @property
    def right(self) -> int:
        """The column behind it."""
        return self.left + self.bitmap.shape[1]

    @property
    def bottom(self) -> int:
        """The row below it."""
        return self.top + self.bitmap.shape[0]

    def shared(self, other: Mask) -> int:
        """The pixels inside of both."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        if right <= left or bottom <= top:
            return 0
        return int((self._part(left, top, right, bottom) & other._part(left, top, right, bottom)).sum())

    def _part(self, left: int, top: int, right: int, bottom: int) -> Bitmap:
        return self.bitmap[top - self.top : bottom - self.top, left - self.left : right - self.left]


@dataclass(frozen=True)
class MaskShapes:
    """The masks of a picture."""

    masks: Sequence[Mask]

    measure: ClassVar[str] = "mask mAP50-95"

    def __len__(self) -> int:
        """How many."""
        return len(self.masks)

    def pick(self, rows: Any) -> MaskShapes:
        """Some of them."""
        return MaskShapes([self.masks[number] for number in np.arange(len(self))[rows]])

    def likeness(self, wanted: MaskShapes, region: bool = False) -> Floats:
        """Intersection over union; of a region, the part of the mask that lies in it."""
        shared = np.array([[one.shared(other) for other in wanted.masks] for one in self.masks], np.float64)
        shared = shared.reshape(len(self), len(wanted))
        mine, theirs = (np.array([each.bitmap.sum() for each in masks]) for masks in (self.masks, wanted.masks))
        union = mine[:, None] + (0.0 if region else theirs[None] - shared)
        return np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
