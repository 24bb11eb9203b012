"""Labelled folders in both formats, sound and broken in the ways that real ones are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from zcc.compiler.quality.dataset import load_dataset
from zcc.runtime.errors import DatasetError


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    """Two pictures: one with two boxes, one with none; names beside them."""
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (200, 100), (10, 20, 30)).save(tmp_path / "images" / "a.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "images" / "b.jpg")
    (tmp_path / "labels" / "a.txt").write_text("1 0.5 0.5 0.2 0.4\n\n0 0.05 0.1 0.1 0.2\n")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    return tmp_path


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """The same two pictures as a COCO file, with category ids that are not class numbers."""
    (tmp_path / "images").mkdir()
    Image.new("RGB", (200, 100), (10, 20, 30)).save(tmp_path / "images" / "a.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "images" / "b.jpg")
    document = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 3, "file_name": "b.jpg"}],
        "categories": [{"id": 90, "name": "dog"}, {"id": 17, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 90, "bbox": [80, 30, 40, 40], "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 17, "bbox": [0, 0, 20, 20], "iscrowd": 1},
        ],
    }
    (tmp_path / "instances.json").write_text(json.dumps(document))
    return tmp_path


def test_yolo_boxes_are_in_pixels(yolo: Path) -> None:
    dataset = load_dataset(yolo)
    first, second = dataset.scenes
    assert dataset.classes == ("cat", "dog")
    np.testing.assert_allclose(first.boxes, [[80, 30, 120, 70], [0, 0, 20, 20]], atol=1e-9)
    assert first.classes.tolist() == [1, 0]
    assert second.boxes.shape == (0, 4)
    assert not first.crowd.any()


def test_coco_gives_the_same_scenes(coco: Path) -> None:
    dataset = load_dataset(coco)
    first, second = dataset.scenes
    assert dataset.classes == ("cat", "dog")
    np.testing.assert_allclose(first.boxes, [[80, 30, 120, 70], [0, 0, 20, 20]])
    assert first.classes.tolist() == [1, 0]
    assert first.crowd.tolist() == [False, True]
    assert second.boxes.shape == (0, 4)


def test_a_coco_file_itself_and_the_usual_annotations_folder(coco: Path) -> None:
    assert len(load_dataset(coco / "instances.json").scenes) == 2
    (coco / "annotations").mkdir()
    (coco / "instances.json").rename(coco / "annotations" / "val.json")
    assert len(load_dataset(coco).scenes) == 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_upright_and_so_are_its_boxes(yolo: Path, orientation: int) -> None:
    path = yolo / "images" / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.linear_gradient("L").resize((80, 40)).save(path, exif=exif, quality=95)
    (yolo / "labels" / "turned.txt").write_text("0 0.5 0.5 1 1\n")
    scene = load_dataset(yolo).scenes[-1]
    height, width = cv2.imread(str(path)).shape[:2]
    assert scene.image().shape == (height, width, 3)
    assert scene.boxes.tolist() == [[0, 0, width, height]]


def test_classes_take_the_numbers_of_the_model(coco: Path) -> None:
    dataset = load_dataset(coco).numbered_as(["bird", "dog", "cat"])
    assert dataset.scenes[0].classes.tolist() == [1, 2]
    assert dataset.classes == ("bird", "dog", "cat")


def test_without_names_the_numbers_stand(yolo: Path) -> None:
    (yolo / "classes.txt").unlink()
    assert load_dataset(yolo).numbered_as(["x", "y", "z"]).scenes[0].classes.tolist() == [1, 0]
    with pytest.raises(DatasetError, match="class 1, which the model does not have"):
        load_dataset(yolo).numbered_as(["x"])


def test_what_is_assumed_is_told(yolo: Path) -> None:
    assert load_dataset(yolo).numbered_as(["dog", "cat"]).assumed is None
    unnamed = load_dataset(yolo).numbered_as(["class0", "class1"])
    assert unnamed.assumed is not None and "the model does not name its classes" in unnamed.assumed
    assert [scene.classes.tolist() for scene in unnamed.scenes] == [
        scene.classes.tolist() for scene in load_dataset(yolo).scenes
    ]
    with pytest.raises(DatasetError, match="has 2 classes and the model 3, which have no names"):
        load_dataset(yolo).numbered_as(["class0", "class1", "class2"])
    (yolo / "classes.txt").unlink()
    bare = load_dataset(yolo).numbered_as(["cat", "dog"])
    assert bare.assumed is not None and "does not name its classes" in bare.assumed and "data.yaml" in bare.assumed


def test_names_are_the_same_however_they_are_written(yolo: Path) -> None:
    (yolo / "classes.txt").write_text("Traffic_Light\nstop sign\n")
    same = load_dataset(yolo).numbered_as(["Stop-Sign", "traffic light"])
    plain = load_dataset(yolo)
    assert [scene.classes.tolist() for scene in same.scenes] == [(1 - scene.classes).tolist() for scene in plain.scenes]


def test_a_class_the_model_lacks_is_named(coco: Path) -> None:
    with pytest.raises(DatasetError, match=r"'dog'.*its classes are cat, bird"):
        load_dataset(coco).numbered_as(["cat", "bird"])


def _write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


YOLO_DAMAGE = {
    "no number": (_write("labels/a.txt", "cat 0.5 0.5 0.1 0.1"), r"a.txt:1 .*no number"),
    "too few values": (_write("labels/a.txt", "\n0 0.5 0.5 0.1"), r"a.txt:2 has 4 values; .*class x y w h"),
    "a polygon": (_write("labels/a.txt", "0 .1 .1 .2 .1 .2 .2 .1 .2"), r"a.txt:1 has 9 values"),
    "pixels": (_write("labels/a.txt", "0 100 50 20 20"), r"a.txt:1 lies outside .*0 to 1"),
    "not a number": (_write("labels/a.txt", "0 nan 0.5 0.1 0.1"), r"a.txt:1 lies outside"),
    "infinite class": (_write("labels/a.txt", "inf 0.5 0.5 0.1 0.1"), r"a.txt:1 names class inf"),
    "half a class": (_write("labels/a.txt", "0.5 0.5 0.5 0.1 0.1"), r"a.txt:1 names class 0.5"),
    "negative class": (_write("labels/a.txt", "-1 0.5 0.5 0.1 0.1"), r"a.txt:1 names class -1"),
    "no width": (_write("labels/a.txt", "0 0.5 0.5 0 0.1"), r"a.txt:1 is a box without"),
    "binary labels": (lambda folder: (folder / "labels/a.txt").write_bytes(b"\xff\xfe\x00"), r"a.txt"),
    "a label without picture": (_write("labels/c.txt", ""), r"c.txt has no picture"),
    "twins": (
        lambda folder: Image.new("L", (9, 9)).save(folder / "images/a.jpg"),
        r"a.png and a.jpg share",
    ),
    "not a picture": (_write("images/b.jpg", "hello"), r"b.jpg is not an image"),
    "an empty picture": (_write("images/b.jpg", ""), r"b.jpg is not an image"),
    "16 bits": (
        lambda folder: cv2.imwrite(str(folder / "images/c.png"), np.zeros((9, 9), np.uint16)),
        r"c.png has more than 8 bits",
    ),
}


@pytest.mark.parametrize("name", YOLO_DAMAGE)
def test_damaged_yolo_folders_are_refused_in_one_line(yolo: Path, name: str) -> None:
    damage, expected = YOLO_DAMAGE[name]
    damage(yolo)
    with pytest.raises(DatasetError, match=expected) as error:
        load_dataset(yolo)
    assert "\n" not in str(error.value)


def _edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        document = json.loads((folder / "instances.json").read_text())
        change(document)
        (folder / "instances.json").write_text(json.dumps(document))

    return damage


COCO_DAMAGE = {
    "not json": (_write("instances.json", "{"), r"instances.json is not a COCO"),
    "a list": (_write("instances.json", "[]"), r"instances.json is not a COCO"),
    "no annotations": (_edit(lambda d: d.pop("annotations")), r"'annotations' is missing"),
    "no box": (_edit(lambda d: d["annotations"][0].pop("bbox")), r"'bbox' is missing"),
    "half boxes": (
        _edit(lambda d: [each.update(bbox=[1, 2]) for each in d["annotations"]]),
        r"instances.json is not a COCO",
    ),
    "half a box": (_edit(lambda d: d["annotations"][0].update(bbox=[1, 2])), r"instances.json"),
    "a negative box": (
        _edit(lambda d: d["annotations"][0].update(bbox=[1, 2, -3, 4])),
        r"a box that is none",
    ),
    "a strange category": (_edit(lambda d: d["annotations"][0].update(category_id=5)), r"unknown category 5"),
    "a strange image": (_edit(lambda d: d["annotations"][0].update(image_id=5)), r"labels image 5"),
    "a missing picture": (
        lambda folder: (folder / "images/b.jpg").unlink(),
        r"b.jpg is listed in the COCO file",
    ),
    "two json files": (_write("other.json", "{}"), r"several json files \(instances.json, other.json\)"),
}


@pytest.mark.parametrize("name", COCO_DAMAGE)
def test_damaged_coco_files_are_refused_in_one_line(coco: Path, name: str) -> None:
    damage, expected = COCO_DAMAGE[name]
    damage(coco)
    with pytest.raises(DatasetError, match=expected) as error:
        load_dataset(coco)
    assert "\n" not in str(error.value)


def test_folders_that_are_no_datasets(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no folder"):
        load_dataset(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="is not a labelled folder"):
        load_dataset(tmp_path)
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    with pytest.raises(DatasetError, match="holds no pictures"):
        load_dataset(tmp_path)
