"""Results files, read by pycocotools."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from zcc.compiler.quality.coco_map import mean_average_precision
from zcc.compiler.quality.coco_results import coco_results
from zcc.compiler.quality.pictures import Pictures, labelled_pictures
from zcc.runtime import Detections

NAMES = ("star", "disc")


def write_labels(folder: Path) -> Path:
    """A COCO json whose ids begin anywhere, its categories in another order than the model's classes."""
    (folder / "images").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (100, 80)).save(folder / "images" / name)
    boxes = [(7, 30, [10, 10, 20, 20]), (7, 31, [50, 20, 30, 30]), (9, 31, [5, 5, 60, 40])]
    document = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}],
        "categories": [{"id": 30, "name": "disc"}, {"id": 31, "name": "star"}],
        "annotations": [
            {"id": at, "image_id": image, "category_id": kind, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for at, (image, kind, box) in enumerate(boxes, 1)
        ],
    }
    path = folder / "labels.json"
    path.write_text(json.dumps(document))
    return path


def found(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    """What a detector says of a picture."""
    values = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(values[:, :4], values[:, 4], values[:, 5].astype(np.int32), 0.0)


def test_pycocotools_finds_the_same_precision_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = write_labels(tmp_path)
    pictures = labelled_pictures(labels, NAMES)
    seen = [
        found((11, 10, 30, 31, 0.9, 1), (50, 20, 78, 50, 0.8, 0), (0, 0, 5, 5, 0.3, 0)),
        found((5, 5, 60, 45, 0.7, 0), (5, 5, 65, 45, 0.6, 1)),
    ]
    (tmp_path / "results.json").write_text(json.dumps(coco_results(pictures, seen)))
    truth = COCO(str(labels))
    judged = COCOeval(truth, truth.loadRes(str(tmp_path / "results.json")), "bbox")
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    capsys.readouterr()
    assert pictures.labels is not None
    ours = mean_average_precision(pictures.labels, seen)
    assert judged.stats[:2].tolist() == pytest.approx([ours.map50_95, ours.map50], abs=1e-6)
    assert 0 < ours.map50_95 < 1


def test_without_ids_pictures_go_by_their_names() -> None:
    pictures = Pictures("place", [], 2, "", names=("/x/000012.jpg", "/x/street.png"))
    rows = coco_results(pictures, [found((0, 0, 2, 3, 0.5, 1)), found((0, 0, 1, 1, 0.5, 0))])
    assert [(row["image_id"], row["category_id"]) for row in rows] == [(12, 1), ("street", 0)]
    assert rows[0]["bbox"] == [0, 0, 2, 3]
