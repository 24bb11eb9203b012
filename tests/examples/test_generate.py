"""A generated folder says the same as the scenes it was generated from."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from examples.shapes.generate import write_scenes
from examples.shapes.outlines import CLASSES, rasterize
from examples.shapes.scenes import make_scene
from examples.shapes.task_labels import KEYPOINTS, keypoints_of
from zcc.compiler.quality.dataset import load_dataset
from zcc.runtime.manifest import TaskInfo


def test_the_folder_holds_the_scenes(tmp_path: Path) -> None:
    write_scenes(tmp_path, count=6, seed=4)
    dataset = load_dataset(tmp_path)
    assert dataset.classes == CLASSES
    for index, read in enumerate(dataset.scenes):
        scene = make_scene(4, index)
        np.testing.assert_allclose(read.boxes, scene.boxes, atol=2e-3)
        assert read.classes.tolist() == scene.classes.tolist()
        smooth = [cv2.blur(image, (9, 9)).astype(int) for image in (read.image()[..., ::-1], scene.image)]
        assert np.abs(smooth[0] - smooth[1]).mean() < 2  # JPEG loses some of the noise, no more


@pytest.mark.parametrize("task", ["segment", "obb", "pose"])
def test_labels_of_every_task_are_those_of_the_shapes(task: str, tmp_path: Path) -> None:
    write_scenes(tmp_path, count=4, seed=4, task=task)
    info = TaskInfo(task, 9, (KEYPOINTS, 3)) if task == "pose" else TaskInfo(task)
    for index, read in enumerate(load_dataset(tmp_path, info).scenes):
        scene = make_scene(4, index)
        assert read.classes.tolist() == scene.classes.tolist()
        for number, shape in enumerate(scene.shapes):
            found = read.shapes.pick(np.array([number]))
            _, _, mask = rasterize(shape)
            if task == "segment" and not shape.hole:
                inside = (mask > 0.5).sum() * (scene.boxes[number] == np.float32(shape.box)).all()
                assert abs(found.masks[0].bitmap.sum() - inside) <= 0.15 * inside or not inside
            if task == "obb":
                for corner in shape.points:
                    assert cv2.pointPolygonTest(np.float32(found.corners[0]), corner.tolist(), True) > -0.5
            if task == "pose":
                labelled = found.points[0][:, 2] > 0
                np.testing.assert_allclose(found.points[0][labelled, :2], keypoints_of(shape)[labelled], atol=0.01)
