"""What bitmaps are written as: run lengths, as COCO has them, and polygons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bitmap = NDArray[np.bool_]
Corner = tuple[int, int]  # x, y of a corner of pixels
STEPS: tuple[Corner, ...] = ((1, 0), (0, 1), (-1, 0), (0, -1))  # right, down, left, up: each turns right of the last


def run_lengths(bitmap: Bitmap, left: int, top: int, height: int, width: int) -> list[int]:
    """Lengths of the runs of a frame's mask, column after column, outside first; its bitmap lies at left and top."""
    inside = np.flatnonzero(bitmap.T)
    places = (inside // max(len(bitmap), 1) + left) * height + inside % max(len(bitmap), 1) + top
    breaks = np.flatnonzero(np.diff(places) != 1)
    begins = places[np.concatenate([[0], breaks + 1])] if len(places) else places
    ends = places[np.concatenate([breaks, [len(places) - 1]])] + 1 if len(places) else places
    edges = np.stack([begins, ends], 1).ravel()
    lengths = np.diff(np.concatenate([[0], edges, [height * width]]))
    return [int(length) for length in (lengths[:-1] if lengths[-1] == 0 else lengths)]


def coco_rle(bitmap: Bitmap, left: int, top: int, height: int, width: int) -> dict[str, Any]:
    """A mask in COCO's compressed form: its frame's size and a text."""
    return {"size": [height, width], "counts": packed(run_lengths(bitmap, left, top, height, width))}


def packed(lengths: list[int]) -> str:
    """Run lengths as COCO's text: differences to the length before last, five bits a letter."""
    letters = []
    for place, length in enumerate(lengths):
        value, more = length - (lengths[place - 2] if place > 2 else 0), True
        while more:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            letters.append(chr(48 + (bits | 32 if more else bits)))
    return "".join(letters)


def unpacked(text: str) -> list[int]:
    """The run lengths that COCO's text stands for."""
    lengths: list[int] = []
    place = 0
    while place < len(text):
        value, shift, more = 0, 0, True
        while more:
            letter = ord(text[place]) - 48
            value |= (letter & 31) << shift
            more, place, shift = bool(letter & 32), place + 1, shift + 5
            if not more and letter & 16:
                value |= -1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
    return lengths


def polygons(bitmap: Bitmap, left: int, top: int) -> list[NDArray[np.float32]]:
    """The outlines of a bitmap that lies at left and top: those around it clockwise, those of holes the other way."""
    paths = _paths(_edges(np.pad(bitmap, 1)))
    corner = np.array([left - 1, top - 1], np.float32)
    return [np.array(path, np.float32) + corner for path in paths]


def _edges(padded: Bitmap) -> dict[Corner, list[int]]:
    """From each corner of pixels the directions in which the outline leaves it; what is inside lies on its right."""
    left_of, above = padded[1:, 1:] & ~padded[1:, :-1], padded[1:, 1:] & ~padded[:-1, 1:]
    right_of, below = padded[:-1, :-1] & ~padded[:-1, 1:], padded[:-1, :-1] & ~padded[1:, :-1]
    edges: dict[Corner, list[int]] = {}
    starts = (
        (above, 0, (1, 1)),  # along the upper edge of a pixel, from its left
        (right_of, 1, (1, 0)),  # down its right edge
        (below, 2, (1, 1)),  # along its lower edge, from its right
        (left_of, 3, (1, 2)),  # up its left edge
    )
    for found, direction, (dx, dy) in starts:
        for y, x in zip(*np.nonzero(found), strict=True):
            edges.setdefault((int(x) + dx, int(y) + dy), []).append(direction)
    return edges


def _paths(edges: dict[Corner, list[int]]) -> list[list[Corner]]:
    """Closed walks along all edges, of which the corners alone are kept."""
    found = []
    while edges:
        start = corner = next(iter(edges))
        path: list[Corner] = []
        first = direction = edges[corner][0]
        while True:
            path.append(corner)
            _take(edges, corner, direction)
            corner = (corner[0] + STEPS[direction][0], corner[1] + STEPS[direction][1])
            if corner == start and (start not in edges or first not in edges[start]):
                break
            ways = edges[corner]
            # Where two pixels touch at a corner, each keeps to itself.
            direction = next(way for way in ((direction + 1) % 4, direction, (direction + 3) % 4) if way in ways)
        found.append(_straightened(path))
    return found


def _take(edges: dict[Corner, list[int]], corner: Corner, direction: int) -> None:
    edges[corner].remove(direction)
    if not edges[corner]:
        del edges[corner]


def _straightened(path: list[Corner]) -> list[Corner]:
    """The path without what lies between its corners."""
    before, after = path[-1:] + path[:-1], path[1:] + path[:1]
    return [
        here
        for last, here, following in zip(before, path, after, strict=True)
        if (here[0] - last[0], here[1] - last[1]) != (following[0] - here[0], following[1] - here[1])
    ]
