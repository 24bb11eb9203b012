"""Where the labels of boxes go, so that they hide each other as little as can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

# What hiding a part of something costs, by what it is: letters that nobody can read are worst.
HIDES_LABEL, HIDES_WISH = 10.0, 1.0
LATER = 0.05  # what each step down the list of places costs, so that of places as good the first is taken

Rectangles = NDArray[np.float64]  # (n, 4): left, top, right, bottom in pixels of the picture
Place = tuple[float, float, float, float]


def place_labels(
    boxes: Sequence[Sequence[float]], sizes: Sequence[tuple[int, int]], picture: tuple[int, int]
) -> list[Place]:
    """A place within the picture (width, height) for the label of each box; the first choose first.

    Each goes where it hides the least of the labels placed before it, and of where those behind it would like to be.
    """
    choices = [np.array(list(_places(box, size, picture))) for box, size in zip(boxes, sizes, strict=True)]
    taken = np.array([places[0] for places in choices]).reshape(-1, 4)  # until its turn comes, where each would like
    for number, places in enumerate(choices):
        costs = LATER * np.arange(len(places))
        costs += HIDES_LABEL * _hidden(places, taken[:number]) + HIDES_WISH * _hidden(places, taken[number + 1 :])
        taken[number] = places[int(costs.argmin())]
    return [(left, top, right, bottom) for left, top, right, bottom in taken.tolist()]


def _hidden(places: Rectangles, others: Rectangles) -> NDArray[np.float64]:
    """The part of each place that others want, too."""
    corner = np.maximum(places[:, None, :2], others[None, :, :2])
    sides = np.maximum(np.minimum(places[:, None, 2:], others[None, :, 2:]) - corner, 0)
    area = np.maximum(np.prod(places[:, 2:] - places[:, :2], axis=1), 1)
    return np.asarray(sides.prod(axis=2).sum(axis=1) / area)


def _places(box: Sequence[float], size: tuple[int, int], picture: tuple[int, int]) -> Iterator[Place]:
    """Where a label may be, the best first: above its box, else at its inner edges, below it, or beside it."""
    left, top, right, bottom = box
    width, height = size
    inside = bottom - top >= 2 * height  # else it would hide what the box is about
    starts = [(left, top - height), (right - width, top - height)] if top >= height else []
    starts += [(left, top), (right - width, top)] if inside or not starts else []
    starts += [(left, bottom), (right - width, bottom)] if bottom + height <= picture[1] else []
    starts += [(left, bottom - height), (right - width, bottom - height)] if inside else []
    starts += [(right, top), (left - width, top)]
    for x, y in starts:
        x, y = _within(x, width, picture[0]), _within(y, height, picture[1])
        yield x, y, x + width, y + height


def _within(start: float, extent: int, room: int) -> float:
    return round(min(max(start, 0), max(room - extent, 0)))
