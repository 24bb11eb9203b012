"""zcc run: pictures in, detections out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Demo, make_variants
from tests.cli.process import assert_one_line, call_zcc, run_zcc
from zcc import sample

CROWD = next(path for path in sample.IMAGES if path.stem == "crowd")


def detect(demo: Demo, *arguments: str | Path) -> dict[str, Any]:
    """The document of `zcc run shapes … --json`."""
    done = call_zcc("run", "shapes", *arguments, "--json", "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_detections_are_boxes_of_named_classes_inside_the_picture(demo: Demo) -> None:
    done = run_zcc("run", "shapes", *sample.IMAGES, "--json", "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [picture["image"] for picture in document["images"]] == [str(path) for path in sample.IMAGES]
    for picture in document["images"]:
        assert (picture["width"], picture["height"]) == Image.open(picture["image"]).size
        assert picture["detections"]
        for found in picture["detections"]:
            left, top, right, bottom = found["box"]
            assert 0 <= left < right <= picture["width"]
            assert 0 <= top < bottom <= picture["height"]
            assert 0.25 < found["score"] <= 1
            assert found["name"].isalpha()


def test_thresholds_reach_the_detector(demo: Demo) -> None:
    def scores(*arguments: str) -> list[float]:
        [picture] = detect(demo, CROWD, *arguments)["images"]
        return [found["score"] for found in picture["detections"]]

    usual, sure, loose = scores(), scores("--conf", "0.8"), scores("--iou", "0.95")
    assert sure == [score for score in usual if score > 0.8]
    assert 0 < len(sure) < len(usual) < len(loose)
    assert scores("--conf", "1") == []


def test_any_format_gives_the_same_detections(demo: Demo, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.png", "b.bmp", "c.tiff")]
    for path in paths:
        Image.open(CROWD).save(path)
    pictures = detect(demo, CROWD, *paths)["images"]
    assert all(picture["detections"] == pictures[0]["detections"] for picture in pictures)


def test_pictures_of_one_name_do_not_overwrite_each_other(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    twin = shutil.copy(sample.IMAGES[0], tmp_path / "other" / CROWD.name)
    done = call_zcc("run", "shapes", CROWD, twin, "--save", tmp_path / "out", "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["crowd-2.jpg", "crowd.jpg"]
    sizes = {Image.open(path).size for path in (CROWD, Path(twin))}
    assert {Image.open(path).size for path in (tmp_path / "out").iterdir()} == sizes


def test_the_text_lists_the_surest_and_says_how_many_more(demo: Demo) -> None:
    done = run_zcc("run", "shapes", CROWD, "--registry", demo.registry)
    title, *rows, last = done.stdout.splitlines()
    [picture] = detect(demo, CROWD)["images"]
    names = [found["name"] for found in picture["detections"]]
    assert f"{len(names)} detections" in title
    assert [row.split()[0] for row in rows] == names[: len(rows)]
    assert f"{len(names) - len(rows)} more" in last


@pytest.mark.parametrize("content", [b"", b"not a picture", CROWD.read_bytes()[:2000]], ids=["empty", "text", "cut"])
def test_what_is_no_image_is_passed_over_and_told(demo: Demo, tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(content)
    done = call_zcc("run", "shapes", bad, CROWD, "--json", "--registry", demo.registry)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert [picture["image"] for picture in document["images"]] == [str(CROWD)]
    assert document["images"] == [{**detect(demo, CROWD)["images"][0], "milliseconds": mock.ANY}]
    [skipped] = document["skipped"]
    assert skipped["image"] == str(bad)
    _, told, _, last = done.stderr.splitlines()
    assert told == f"skipped: {skipped['why']}" and "bad.jpg" in told
    assert last.startswith("error: 1 of 2 could not be read")


def test_one_bad_picture_in_a_folder_does_not_stop_the_others(demo: Demo, tmp_path: Path) -> None:
    for path in sample.IMAGES:
        shutil.copy(path, tmp_path)
    names = sorted(path.name for path in sample.IMAGES)
    (tmp_path / names[1]).write_bytes(b"nothing")
    out = tmp_path / "out"
    (tmp_path / "film.mp4").write_bytes(b"no video")
    inputs = tmp_path / "film.mp4", tmp_path / "gone.jpg", tmp_path / "gone", tmp_path
    done = run_zcc("run", "shapes", *inputs, "--save", out, "--json", "--registry", demo.registry)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    sound = [name for name in names if name != names[1]]
    assert [Path(picture["image"]).name for picture in document["images"]] == sound
    assert sorted(path.name for path in out.iterdir()) == sound
    skipped = {Path(each["image"]).name for each in document["skipped"]}
    assert skipped == {"film.mp4", "gone.jpg", "gone", names[1]}
    assert done.stderr.splitlines()[-1].startswith(f"error: 4 of {len(names) + 3} could not be read")


def test_a_folder_that_cannot_be_made_is_one_line(demo: Demo) -> None:
    done = call_zcc("run", "shapes", CROWD, "--save", "/proc/out", "--registry", demo.registry)
    assert_one_line(done, 1, "/proc/out")


def test_it_says_which_variant_runs(demo: Demo) -> None:
    done = run_zcc("run", "shapes", CROWD, "--registry", demo.registry)
    document = detect(demo, CROWD)
    digest = document["digest"].removeprefix("sha256:")[:8]
    assert done.stderr.splitlines()[0] == f"running shapes fp32 for {document['target']} ({digest})"


@pytest.mark.parametrize(
    ("reference", "code"), [("absent", 1), ("shapes:absent", 1), ("sha256:0000", 1), ("./no/such/folder", 2)]
)
def test_an_unknown_reference_is_one_line(demo: Demo, reference: str, code: int) -> None:
    done = call_zcc("run", reference, CROWD, "--registry", demo.registry)
    assert_one_line(done, code, reference.partition(":")[0])


def test_a_folder_is_run_picture_by_picture(demo: Demo, tmp_path: Path) -> None:
    for path in sample.IMAGES:
        shutil.copy(path, tmp_path)
    one_by_one, together = detect(demo, *sample.IMAGES), detect(demo, tmp_path)
    found = {Path(picture["image"]).name: picture["detections"] for picture in together["images"]}
    assert found == {Path(picture["image"]).name: picture["detections"] for picture in one_by_one["images"]}
    assert [picture["image"] for picture in together["images"]] == sorted(map(str, tmp_path.iterdir()))
    (tmp_path / "empty").mkdir()
    done = call_zcc("run", "shapes", tmp_path / "empty", "--registry", demo.registry)
    assert (done.returncode, done.stdout) == (1, "")
    assert "holds no pictures" in done.stderr


def test_a_video_is_run_frame_by_frame(demo: Demo, tmp_path: Path) -> None:
    """FFV1 loses nothing, so what is in the frames is what is in the pictures."""
    crowd = cv2.imread(str(CROWD))
    path, height, width = tmp_path / "clip.mkv", *crowd.shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25, (width, height))
    for frame in (crowd, 255 - crowd, crowd):
        writer.write(frame)
    writer.release()
    done = run_zcc("run", "shapes", path, "--save", tmp_path / "out", "--json", "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    first, other, last = json.loads(done.stdout)["images"]
    assert [first["frame"], other["frame"], last["frame"]] == [0, 1, 2]
    [picture] = detect(demo, CROWD)["images"]
    assert first["detections"] == last["detections"] != other["detections"]
    assert len(first["detections"]) == len(picture["detections"]), "up to rounding, as FFV1 stores YUV or RGB"
    assert "3 frames at" in done.stderr
    [made] = (tmp_path / "out").iterdir()
    assert made.name == "clip.mp4"
    film = cv2.VideoCapture(str(made))
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 3 and film.get(cv2.CAP_PROP_FPS) == 25
    seen = film.read()[1]
    assert seen.shape == crowd.shape and 1 < np.abs(seen.astype(int) - crowd).mean() < 30, "boxes are drawn on it"


@pytest.fixture(scope="module")
def unmeasured(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Variants of these tests' own, which no other test measures."""
    return make_variants(demo, tmp_path_factory)


def test_the_choice_is_explained(unmeasured: str) -> None:
    def explained(*arguments: str | Path) -> dict[str, Any]:
        done = run_zcc("run", "shapes", *arguments, "--explain", "--json", "--registry", unmeasured)
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    told = explained()
    assert [(each["dtype"], each["taken"]) for each in told["variants"]] == [("fp32", True), ("fp16", False)]
    assert told["chosen"] == told["variants"][0]["digest"]
    assert explained("--prefer", "most-accurate")["variants"][1]["why"] == "nobody measured what it loses"
    forced = explained("--dtype", "fp16", CROWD)
    assert forced["dtype"] == "fp16"
    assert {each["dtype"]: each["why"] for each in forced["explanation"]["variants"]}["fp32"] == "fp16 was asked for"
    done = run_zcc("run", "shapes", CROWD, "--explain", "--registry", unmeasured)
    lines = done.stdout.splitlines()
    assert lines[1].startswith("*  fp32") and lines[1].endswith("the fastest that runs here")
    assert any(line.startswith(str(CROWD)) for line in lines[3:]), "with a picture, it is run as well"


def test_what_cannot_be_preferred_is_one_line(unmeasured: str) -> None:
    preferred = ("--prefer", "fastest-within:1", "--dtype", "fp16")
    done = run_zcc("run", "shapes", CROWD, *preferred, "--registry", unmeasured)
    assert_one_line(done, 1, "fp16 for", "nobody measured what it loses", "zcc eval")
    done = run_zcc("run", "shapes", CROWD, "--prefer", "best", "--registry", unmeasured)
    assert_one_line(done, 2, "most-accurate")
    assert_one_line(run_zcc("run", "shapes", "--registry", unmeasured), 2, "at least one picture")
