"""Masks of a frame's detections: a bitmap each, as large as its box, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.detections import Detections, Found
from zcc.runtime.tasks.outlines import coco_rle, polygons

Bitmap = NDArray[np.bool_]
Render = Callable[[Sequence[int]], list[Bitmap]]  # the bitmaps of detections by their numbers


class Masks:
    """The masks of a frame, by the number of their detection. Any number of threads may ask."""

    def __init__(self, size: tuple[int, int], pixels: NDArray[np.int32], render: Render) -> None:
        self.size = size  # of the frame: height, width
        self.pixels = pixels  # (n, 4): the pixels of the frame that each bitmap has, from x1, y1 up to before x2, y2
        self._render = render
        self._made: dict[int, Bitmap] = {}

    def __len__(self) -> int:
        """How many."""
        return len(self.pixels)

    @overload
    def __getitem__(self, number: int) -> Bitmap: ...
    @overload
    def __getitem__(self, number: NDArray[np.int64]) -> Masks: ...
    def __getitem__(self, number: int | NDArray[np.int64]) -> Bitmap | Masks:
        """The bitmap of one detection, as large as its pixels say; of several, their masks."""
        if isinstance(number, np.ndarray):
            rows = number.tolist()
            return Masks(self.size, self.pixels[number], lambda numbers: self._of([rows[each] for each in numbers]))
        place = range(len(self))[number]
        return self._of([place])[0]

    def __iter__(self) -> Iterator[Bitmap]:
        """All bitmaps."""
        return iter(self.all())

    def all(self) -> list[Bitmap]:
        """All bitmaps, made in one go."""
        return self._of(range(len(self)))

    def _of(self, numbers: Sequence[int]) -> list[Bitmap]:
        missing = [number for number in numbers if number not in self._made]
        if missing:
            self._made.update(zip(missing, self._render(missing), strict=True))
        return [self._made[number] for number in numbers]

    def full(self, number: int) -> Bitmap:
        """The mask of one detection, as large as the frame."""
        whole = np.zeros(self.size, bool)
        left, top, right, bottom = self.pixels[number]
        whole[top:bottom, left:right] = self[number]
        return whole

    def rle(self, number: int) -> dict[str, Any]:
        """The mask of one detection as COCO's compressed run lengths."""
        left, top = (int(side) for side in self.pixels[number][:2])
        return coco_rle(self[number], left, top, *self.size)

    def polygons(self, number: int) -> list[NDArray[np.float32]]:
        """The outlines of one detection, (m, 2) each in pixels of the frame; those of holes run the other way."""
        left, top = (int(side) for side in self.pixels[number][:2])
        return polygons(self[number], left, top)


@dataclass(frozen=True, eq=False)
class Segments(Detections):
    """What was found in a frame, with its masks."""

    masks: Masks

    columns = (*Detections.columns, "masks")
    holds = ("masks",)

    def extras(self) -> list[dict[str, Any]]:
        """The masks as COCO's run lengths."""
        self.masks.all()
        return [{"mask": self.masks.rle(number)} for number in range(len(self))]


def segments(found: Found) -> Segments:
    """The result of a segmentation model."""
    return Segments(found.boxes, found.scores, found.classes, found.edges, found.masks)
