"""zcc run: everything it makes of what it sees."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Demo
from tests.cli.process import assert_one_line, call_zcc, heed_ctrl_c, run_zcc
from zcc import sample

CROWD = next(path for path in sample.IMAGES if path.stem == "crowd")


def test_csv_labels_and_cut_outs_say_the_same_as_json(demo: Demo, tmp_path: Path) -> None:
    labels, crops = tmp_path / "labels", tmp_path / "crops"
    common = ("shapes", CROWD, "--class", "star,1", "--registry", demo.registry)
    done = run_zcc("run", *common, "--save-txt", labels, "--save-crops", crops, "--csv")
    assert done.returncode == 0, done.stderr
    [image] = json.loads(call_zcc("run", *common, "--json").stdout)["images"]
    found = image["detections"]
    names = {each["name"] for each in found}
    assert "star" in names and len(names) == 2, "two classes were asked for, one by its number"
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["name"], row["image"]) for row in table] == [(each["name"], str(CROWD)) for each in found]
    assert [float(row["left"]) for row in table] == pytest.approx([each["box"][0] for each in found], abs=0.01)
    for line, each in zip((labels / "crowd.txt").read_text().splitlines(), found, strict=True):
        number, *parts = map(float, line.split())
        x, y, w, h = np.array(parts) * ((image["width"], image["height"]) * 2)
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
    assert call_zcc("run", "shapes", CROWD, "--save", picture, "--registry", demo.registry).returncode == 0
    assert Image.open(picture).size == Image.open(CROWD).size
    done = call_zcc("run", "shapes", *sample.IMAGES, "--save", picture, "--registry", demo.registry)
    assert done.returncode == 2 and "holds one picture" in done.stderr
    done = call_zcc("run", "shapes", CROWD, "--save-video", tmp_path / "out.txt", "--registry", demo.registry)
    assert_one_line(done, 2, "out.txt", ".mp4")


def test_a_video_is_whole_after_ctrl_c(demo: Demo, tmp_path: Path) -> None:
    """As a camera's is, which nobody stops in another way."""
    frame = cv2.resize(cv2.imread(str(CROWD)), (320, 240))
    writer = cv2.VideoWriter(str(tmp_path / "long.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 240))
    for _ in range(2000):
        writer.write(frame)
    writer.release()
    command = ["run", "shapes", tmp_path / "long.avi", "--save", tmp_path / "cut.mp4", "--registry", demo.registry]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = subprocess.Popen([sys.executable, "-m", "zcc", *command], preexec_fn=heed_ctrl_c, **pipes)
    assert running.stdout is not None
    while b"frame 3" not in running.stdout.readline():
        pass
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert (running.returncode, told.splitlines()[-1]) == (130, b"error: interrupted")
    film = cv2.VideoCapture(str(tmp_path / "cut.mp4"))
    assert 3 <= film.get(cv2.CAP_PROP_FRAME_COUNT) < 2000 and film.read()[0]


def test_an_unknown_class_has_a_suggestion(demo: Demo) -> None:
    done = call_zcc("run", "shapes", CROWD, "--class", "sta", "--registry", demo.registry)
    assert_one_line(done, 2, "'sta'", "did you mean star?")
    done = call_zcc("run", "shapes", CROWD, "--json", "--csv", "--registry", demo.registry)
    assert_one_line(done, 2, "--csv")
