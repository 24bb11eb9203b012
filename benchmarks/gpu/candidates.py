"""Frames with something in them, and confidences that so many candidates pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

COUNTS = (5, 50, 500)
NEARLY = 1.25  # how many times more, or fewer, candidates will do

Pixels = NDArray[np.uint8]


def confidence(scores: Any, count: int) -> float:
    """What about so many scores are above: the middle of the widest gap nearby, lest rounding moves one across."""
    ranked = np.sort(np.asarray(scores, np.float64).reshape(-1))[::-1]
    first, last = int(count / NEARLY), int(np.ceil(count * NEARLY))
    gaps = ranked[first - 1 : last - 1] - ranked[first:last]
    place = first + int(np.argmax(gaps))
    return float(ranked[place - 1] + ranked[place]) / 2


def tiled(pictures: Iterable[Pixels], size: tuple[int, int]) -> Pixels:
    """A frame full of pictures, side by side and row under row, as they are; grey where none fits."""
    frame = np.full((*size, 3), 114, np.uint8)
    for place, picture in _places(pictures, size):
        part = frame[place[0] : place[0] + picture.shape[0], place[1] : place[1] + picture.shape[1]]
        part[...] = picture[: part.shape[0], : part.shape[1]]
    return frame


def _places(pictures: Iterable[Pixels], size: tuple[int, int]) -> Iterator[tuple[tuple[int, int], Pixels]]:
    top = left = row = 0
    for picture in pictures:
        if left >= size[1]:
            top, left, row = top + row, 0, 0
        if top >= size[0]:
            return
        yield (top, left), picture
        left, row = left + picture.shape[1], max(row, picture.shape[0])
