"""zcc run: everything it makes of what it sees."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Demo
from tests.cli.process import assert_one_line, run_zcc
from zcc import sample

CROWD = next(path for path in sample.IMAGES if path.stem == "crowd")


def test_csv_labels_and_cut_outs_say_the_same_as_json(demo: Demo, tmp_path: Path) -> None:
    labels, crops = tmp_path / "labels", tmp_path / "crops"
    common = ("shapes", CROWD, "--class", "star,1", "--registry", demo.registry)
    done = run_zcc("run", *common, "--save-txt", labels, "--save-crops", crops, "--csv")
    assert done.returncode == 0, done.stderr
    [image] = json.loads(run_zcc("run", *common, "--json").stdout)["images"]
    found = image["detections"]
    names = {each["name"] for each in found}
    assert "star" in names and len(names) == 2, "two classes were asked for, one by its number"
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["name"], row["image"]) for row in table] == [(each["name"], str(CROWD)) for each in found]
    assert [float(row["left"]) for row in table] == pytest.approx([each["box"][0] for each in found], abs=0.01)
    for line, each in zip((labels / "crowd.txt").read_text().splitlines(), found, strict=True):
        number, *parts = map(float, line.split())
        x, y, w, h = np.array(parts) * (image["width"], image["height"]) * 2
        assert number == each["class"]
        assert [x - w / 2, y - h / 2, x + w / 2, y + h / 2] == pytest.approx(each["box"], abs=0.01)
    assert {folder.name for folder in crops.iterdir()} == names
    assert len(list(crops.glob("*/*.jpg"))) == len(found)
    first = Image.open(crops / found[0]["name"] / f"crowd-{found[0]['class']}.jpg")
    left, top, right, bottom = found[0]["box"]
    assert first.size == (np.ceil(right) - np.floor(left), np.ceil(bottom) - np.floor(top))


def test_a_suffix_says_what_is_saved(demo: Demo, tmp_path: Path) -> None:
    film, picture = tmp_path / "new" / "out.mp4", tmp_path / "out.png"
    done = run_zcc("run", "shapes", *sample.IMAGES, "--save", film, "--limit", "3", "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    capture = cv2.VideoCapture(str(film))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 3, "--limit counts pictures, too"
    width, height = Image.open(sample.IMAGES[0]).size
    assert (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (width, height)
    assert run_zcc("run", "shapes", CROWD, "--save", picture, "--registry", demo.registry).returncode == 0
    assert Image.open(picture).size == Image.open(CROWD).size
    done = run_zcc("run", "shapes", *sample.IMAGES, "--save", picture, "--registry", demo.registry)
    assert done.returncode == 2 and "holds one picture" in done.stderr
    done = run_zcc("run", "shapes", CROWD, "--save-video", tmp_path / "out.txt", "--registry", demo.registry)
    assert_one_line(done, 2, "out.txt", ".mp4")


def test_an_unknown_class_has_a_suggestion(demo: Demo) -> None:
    done = run_zcc("run", "shapes", CROWD, "--class", "sta", "--registry", demo.registry)
    assert_one_line(done, 2, "'sta'", "did you mean star?")
    done = run_zcc("run", "shapes", CROWD, "--json", "--csv", "--registry", demo.registry)
    assert_one_line(done, 2, "--csv")
