"""Labels of every task, as YOLO's text and as COCO's json, and labels of the wrong one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from zcc.compiler.quality.dataset import load_dataset
from zcc.compiler.quality.labelled_scene import LabelledScene
from zcc.compiler.quality.shapes.keypoints import KeypointShapes
from zcc.compiler.quality.shapes.masks import MaskShapes
from zcc.compiler.quality.shapes.rotated import RotatedShapes
from zcc.runtime.errors import DatasetError
from zcc.runtime.manifest import TaskInfo
from zcc.runtime.tasks.outlines import coco_rle, run_lengths

WIDTH, HEIGHT = 80, 40
SEGMENT, POSE, OBB = TaskInfo("segment", 32, (32, 8, 8)), TaskInfo("pose", 6, (2, 3)), TaskInfo("obb", 5)


def labelled(folder: Path, text: str) -> Path:
    """A folder with a picture and its labels."""
    for name in ("images", "labels"):
        (folder / name).mkdir()
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "images" / "a.png")
    (folder / "labels" / "a.txt").write_text(text)
    return folder


def as_coco(folder: Path, **fields: Any) -> Path:
    """The same with a json of one object."""
    (folder / "images").mkdir()
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "images" / "a.png")
    document = {
        "images": [{"id": 1, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 7, "name": "thing"}],
        "annotations": [{"image_id": 1, "category_id": 7, "bbox": [20, 10, 40, 20], **fields}],
    }
    (folder / "labels.json").write_text(json.dumps(document))
    return folder


def only(path: Path, task: TaskInfo) -> LabelledScene:
    (scene,) = load_dataset(path, task).scenes
    return scene


def test_a_polygon_is_a_mask(tmp_path: Path) -> None:
    scene = only(labelled(tmp_path, "1 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75\n"), SEGMENT)
    np.testing.assert_allclose(scene.boxes, [[20, 10, 60, 30]])
    assert isinstance(scene.shapes, MaskShapes)
    (mask,) = scene.shapes.masks
    assert abs(mask.bitmap.sum() - 40 * 20) <= 61 and scene.classes.tolist() == [1]


def test_keypoints_with_and_without_visibility(tmp_path: Path) -> None:
    text = "0 0.5 0.5 0.5 0.5 0.25 0.5 2 0 0 0\n0 0.5 0.5 0.5 0.5 0.25 0.5 0.75 0.5\n"
    shapes = only(labelled(tmp_path, text), POSE).shapes
    assert isinstance(shapes, KeypointShapes)
    np.testing.assert_allclose(shapes.points, [[[20, 20, 2], [0, 0, 0]], [[20, 20, 1], [60, 20, 1]]])
    np.testing.assert_allclose(shapes.areas, [40 * 20 * 0.53] * 2)


def test_four_corners_are_a_rotated_box(tmp_path: Path) -> None:
    scene = only(labelled(tmp_path, "2 0.5 -0.1 1.1 0.5 0.5 1.1 -0.1 0.5\n"), OBB)
    assert isinstance(scene.shapes, RotatedShapes)
    np.testing.assert_allclose(scene.shapes.corners, [[[40, -4], [88, 20], [40, 44], [-8, 20]]])
    np.testing.assert_allclose(scene.boxes, [[0, 0, 80, 40]], err_msg="inside the picture")


@pytest.mark.parametrize(
    ("task", "line", "told"),
    [
        (SEGMENT, "0 0.5 0.5 0.2 0.2", ["a.txt:2 has 5 values", "segmentation label is: class x1 y1 x2 y2"]),
        (POSE, "0 0.5 0.5 0.2 0.2", ["a.txt:2 has 5 values", "2 keypoints of x y"]),
        (OBB, "0 0.5 0.5 0.2 0.2 0.3", ["a.txt:2 has 6 values", "x1 y1 x2 y2 x3 y3 x4 y4"]),
        (
            TaskInfo(),
            "0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2",
            ["a.txt:2 has 9 values", "detection label is: class x y w h"],
        ),
        (SEGMENT, "0 0.1 0.1 0.2 0.1 0.2 0.1", ["a.txt:2 is a polygon without width or height"]),
        (SEGMENT, "0 0.1 0.1 0.2 1.4 0.2 0.1", ["a.txt:2 lies outside the picture"]),
    ],
)
def test_labels_of_another_task_are_named_with_file_and_line(
    task: TaskInfo, line: str, told: list[str], tmp_path: Path
) -> None:
    with pytest.raises(DatasetError) as refused:
        load_dataset(labelled(tmp_path, f"\n{line}\n"), task)
    assert all(words in str(refused.value) for words in told), refused.value


@pytest.mark.parametrize("form", ["polygons", "text", "numbers"])
def test_masks_of_coco(form: str, tmp_path: Path) -> None:
    whole = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.rectangle(whole, (20, 10), (60, 30), 1, -1)
    rle = coco_rle(whole.astype(bool), 0, 0, HEIGHT, WIDTH)
    runs = run_lengths(whole.astype(bool), 0, 0, HEIGHT, WIDTH)
    forms = {
        "polygons": [[20, 10, 60, 10, 60, 30, 20, 30]],
        "text": rle,
        "numbers": {"size": [HEIGHT, WIDTH], "counts": runs},
    }
    shapes = only(as_coco(tmp_path, segmentation=forms[form]), SEGMENT).shapes
    assert isinstance(shapes, MaskShapes)
    (mask,) = shapes.masks
    assert (mask.left, mask.top, mask.right, mask.bottom) == (20, 10, 61, 31)
    assert mask.bitmap.all()


def test_keypoints_and_rotated_boxes_of_coco(tmp_path: Path) -> None:
    pose, obb = tmp_path / "pose", tmp_path / "obb"
    for folder in (pose, obb):
        folder.mkdir()
    points = only(as_coco(pose, keypoints=[1, 2, 2, 3, 4, 0], area=300), POSE).shapes
    assert isinstance(points, KeypointShapes) and points.areas.tolist() == [300]
    corners = only(as_coco(obb, segmentation=[[40, 5, 60, 20, 40, 35, 20, 20]]), OBB).shapes
    assert isinstance(corners, RotatedShapes) and corners.corners.shape == (1, 4, 2)
    with pytest.raises(DatasetError, match="6 numbers for keypoints"):
        load_dataset(pose, TaskInfo("pose", 51, (17, 3)))
    with pytest.raises(DatasetError, match="without segmentation"):
        load_dataset(pose, SEGMENT)


def test_a_classifier_has_a_folder_for_each_class(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "val" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "val" / name / "a.png")
    dataset = load_dataset(tmp_path, TaskInfo("classify"))
    assert dataset.classes == ("cat", "dog")
    assert [scene.classes.tolist() for scene in dataset.scenes] == [[0], [1]]
    with pytest.raises(DatasetError, match="no folders of pictures"):
        load_dataset(tmp_path / "val" / "cat", TaskInfo("classify"))
