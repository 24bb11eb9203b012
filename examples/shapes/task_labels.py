"""Labels of a scene for every task, as YOLO's text: `class` and what the task wants, in parts of the frame.

The exact geometry of every shape is known, so masks, orientation and keypoints are exact as well. Keypoints are what
can be seen of any shape: its centre, and its highest, rightmost, lowest and leftmost point.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from examples.shapes.outlines import Points, Shape
from examples.shapes.scenes import Scene

KEYPOINTS = 5
VISIBLE = 2

Numbers = NDArray[np.float64]


def boxes(scene: Scene, number: int) -> Numbers:
    """Centre, width and height of what lies in the frame."""
    low, high = scene.boxes[number].reshape(2, 2) / _size(scene)
    return np.concatenate([(low + high) / 2, high - low])


def outline(scene: Scene, number: int) -> Numbers:
    """The corners of the shape, those beyond the frame on its edge."""
    return np.clip(scene.shapes[number].points / _size(scene), 0, 1).ravel()


def rotated(scene: Scene, number: int) -> Numbers:
    """The rectangle around the shape that is turned as the shape is."""
    return np.asarray(rectangle_of(scene.shapes[number]) / _size(scene)).ravel()


def rectangle_of(shape: Shape) -> Points:
    """Its corners, in order around it, the first two along the shape's own width."""
    turn = _turn(shape)
    own = (shape.points - (shape.x, shape.y)) @ turn.T
    (left, top), (right, bottom) = own.min(axis=0), own.max(axis=0)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return np.asarray(corners @ turn + (shape.x, shape.y))


def keypoints(scene: Scene, number: int) -> Numbers:
    """The box, and the keypoints; what lies beyond the frame is not labelled."""
    rows = []
    for point in keypoints_of(scene.shapes[number]) / _size(scene):
        inside = bool(((point >= 0) & (point <= 1)).all())
        rows.append([*point, VISIBLE] if inside else [0, 0, 0])
    return np.concatenate([boxes(scene, number), np.ravel(rows)])


def keypoints_of(shape: Shape) -> Points:
    """The centre, and the points of the outline farthest up, right, down and left."""
    points = shape.points
    x, y = points.T
    return np.array([(shape.x, shape.y), *points[[y.argmin(), x.argmax(), y.argmax(), x.argmin()]]])


LABELS: dict[str, Callable[[Scene, int], Numbers]] = {
    "detect": boxes,
    "segment": outline,
    "obb": rotated,
    "pose": keypoints,
}


def task_lines(scene: Scene, task: str) -> str:
    """The scene's labels of a task, a line for each shape."""
    rows = [(kind, LABELS[task](scene, number)) for number, kind in enumerate(scene.classes)]
    return "".join(f"{kind} {' '.join(f'{value:.6g}' for value in values)}\n" for kind, values in rows)


def _turn(shape: Shape) -> Numbers:
    """From the shape's own axes to the frame's, for rows of points."""
    cos, sin = np.cos(shape.angle), np.sin(shape.angle)
    return np.array([[cos, sin], [-sin, cos]])


def _size(scene: Scene) -> Numbers:
    height, width = scene.image.shape[:2]
    return np.array([width, height], np.float64)
