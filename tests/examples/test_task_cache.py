"""What samples of tasks are trained on: the labels of a scene in the input's pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from examples.shapes.letterbox import letterbox
from examples.shapes.outlines import Shape
from examples.shapes.scenes import STRETCHES, make_scene
from examples.shapes.task_labels import KEYPOINTS
from examples.shapes.tasks.cache import SIZE, labels_of

SEED = 11


def test_labels_are_those_of_the_scene_in_the_input() -> None:
    for index in range(4):
        image, found = labels_of(index, SEED)
        scene = make_scene(SEED, index, STRETCHES)
        expected, fit = letterbox(scene.image, SIZE)
        np.testing.assert_array_equal(image, expected)
        count = len(scene.shapes)
        assert (found["classes"][:count, 0] == scene.classes).all() and (found["classes"][count:] == -1).all()
        np.testing.assert_allclose(found["boxes"][:count], fit.to_input(scene.boxes), atol=1e-3)
        for shape, keypoints, rotated in zip(scene.shapes, found["keypoints"], found["rotated"], strict=False):
            outline = shape.points * fit.scale + (fit.left, fit.top)
            extremes = [outline[:, 1].min(), outline[:, 0].max(), outline[:, 1].max(), outline[:, 0].min()]
            points = keypoints.reshape(KEYPOINTS, 3)
            np.testing.assert_allclose(points[[1, 2, 3, 4], [1, 0, 1, 0]], extremes, atol=1e-3)
            x, y, width, height, angle = map(float, rotated)
            assert width >= height and -np.pi / 4 <= angle < 3 * np.pi / 4
            around = cv2.boxPoints(((x, y), (width, height), np.degrees(angle)))
            inside = [cv2.pointPolygonTest(around, point, True) for point in outline.astype(np.float32).tolist()]
            assert min(inside) > -0.1 and cv2.contourArea(around) < 1.01 * cv2.contourArea(_tight(shape, fit.scale))


def _tight(shape: Shape, scale: float) -> NDArray[np.float32]:
    """The rectangle around a shape that is turned as it is, found by turning it back."""
    cos, sin = np.cos(shape.angle), np.sin(shape.angle)
    own = (shape.points - (shape.x, shape.y)) @ np.array([[cos, -sin], [sin, cos]]) * scale
    (left, top), (right, bottom) = own.min(0), own.max(0)
    return np.float32([[left, top], [right, top], [right, bottom], [left, bottom]])
