"""How the numbers behind a candidate's scores follow from a map of their own, in the ways that exporters have.

Each is tried on random maps against the file's own decoding, as boxes and scores are. A backend lists its kernels by
the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.manifest import TaskInfo

Array = NDArray[np.float32]


@dataclass(frozen=True)
class DetailDecoding:
    """One way; `parameters` are of its kind."""

    kind: str  # plain, points or angle
    count: int  # numbers of a candidate
    parameters: tuple[float, ...] = ()
    shape: tuple[int, ...] = ()  # keypoints, and numbers of each
    rotates: bool = False  # whether boxes are turned by it

    def decode(self, values: Array, columns: Array, rows: Array, stride: int) -> Array:
        """The numbers of a scale's cells, [number, cell]; `columns` and `rows` say where each cell is."""
        if self.kind == "angle":
            scale, offset = self.parameters
            return np.asarray((_sigmoid(values) + offset) * scale, np.float32)
        if self.kind == "points":
            return self._points(values, columns, rows, stride)
        return values

    def _points(self, values: Array, columns: Array, rows: Array, stride: int) -> Array:
        factor, offset = self.parameters
        points = values.reshape(*self.shape, -1).copy()
        for axis, cells in enumerate((columns, rows)):
            points[:, axis] = (points[:, axis] * factor + cells + offset) * stride
        points[:, 2:] = _sigmoid(points[:, 2:])
        return np.asarray(points.reshape(values.shape), np.float32)


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)), np.float32)


def detail_decodings(task: TaskInfo, count: int) -> tuple[DetailDecoding, ...]:
    """The ways that models of a task have with so many numbers, the commonest first; none where there are none."""
    if task.name == "segment":
        return (DetailDecoding("plain", count),)
    if task.name == "pose":
        # Of 8 and 11, and of 26.
        return tuple(DetailDecoding("points", count, each, task.shape) for each in ((2.0, 0.0), (1.0, 0.5)))
    if task.name == "obb":
        return (DetailDecoding("angle", count, (pi, -0.25), rotates=True), DetailDecoding("plain", count, rotates=True))
    return ()
