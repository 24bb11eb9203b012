"""zcc run: everything it can be told to look at."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from PIL import Image

from tests.cli.conftest import Demo
from tests.cli.process import assert_one_line, call_zcc, run_zcc
from zcc import sample
from zcc.commands.inputs import Film, Picture, meant_by
from zcc.runtime.errors import FrameError

CROWD = next(path for path in sample.IMAGES if path.stem == "crowd")


def images(demo: Demo, *arguments: str | Path) -> list[dict[str, Any]]:
    """What `zcc run shapes … --json` tells of each picture, without its times."""
    done = call_zcc("run", "shapes", *arguments, "--json", "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["images"]
    return [{key: value for key, value in image.items() if key != "milliseconds"} for image in found]


@pytest.fixture(scope="module")
def crowd(demo: Demo) -> dict[str, Any]:
    """What is in the picture that all kinds of inputs lead to."""
    [found] = images(demo, CROWD)
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A web server on loopback with the picture in it, under a name that says what it is and one that does not."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        extensions_map = {".jpg": "image/jpeg", "": "image/jpeg"}  # noqa: RUF012 - as the library has it

        def log_message(self, *_: object) -> None:
            """Nothing."""

    for name in ("crowd.jpg", "picture"):
        shutil.copy(CROWD, tmp_path / name)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path)) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def test_patterns_stand_for_what_they_match(demo: Demo, crowd: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for place in ("a/1.jpg", "a/b/2.jpg", "a/[odd].jpg"):
        shutil.copy(CROWD, tmp_path / place)
    found = images(demo, f"{tmp_path}/**/*.jpg", tmp_path / "a" / "[odd].jpg")
    assert [Path(image["image"]).name for image in found] == ["1.jpg", "[odd].jpg", "2.jpg", "[odd].jpg"]
    assert all(image["detections"] == crowd["detections"] for image in found)
    done = call_zcc("run", "shapes", f"{tmp_path}/*.gif", "--registry", demo.registry)
    assert done.returncode == 1 and "nothing is called" in done.stderr


def test_pictures_come_from_web_servers(demo: Demo, crowd: dict[str, Any], server: str) -> None:
    found = images(demo, f"{server}/crowd.jpg?size=full", f"{server}/picture")
    assert found == [{**crowd, "image": f"{server}/crowd.jpg?size=full"}, {**crowd, "image": f"{server}/picture"}]
    done = call_zcc("run", "shapes", f"{server}/absent.jpg", "--registry", demo.registry)
    assert done.returncode == 1 and "absent.jpg cannot be fetched" in done.stderr


def test_pictures_and_videos_come_through_standard_input(demo: Demo, crowd: dict[str, Any], tmp_path: Path) -> None:
    video = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 5, (640, 480))
    for _ in range(2):
        writer.write(cv2.resize(cv2.imread(str(CROWD)), (640, 480)))
    writer.release()

    def told(content: bytes) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "zcc", "run", "shapes", "-", "--json", "--registry", demo.registry]
        done = subprocess.run(command, input=content, capture_output=True, timeout=60)
        found: list[dict[str, Any]] = json.loads(done.stdout)["images"]
        return found

    [picture] = told(CROWD.read_bytes())
    assert picture["detections"] == crowd["detections"]
    assert [frame["frame"] for frame in told(video.read_bytes())] == [0, 1]
    assert told(b"") == []


def test_a_picture_is_seen_as_people_see_it(demo: Demo, crowd: dict[str, Any], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by a quarter, clockwise
    Image.open(CROWD).rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
    [found] = images(demo, tmp_path / "turned.png", "--save", tmp_path / "drawn.png")
    assert found["detections"] == crowd["detections"]
    assert Image.open(tmp_path / "drawn.png").size == Image.open(CROWD).size


def test_words_that_are_no_files_are_cameras_and_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kinds(word: str) -> list[tuple[Any, bool]]:
        return [(each.source, each.live) for each in meant_by(word) if isinstance(each, Film)]

    assert [kinds(word) for word in ("0", "camera", "camera:2")] == [[(0, True)], [(0, True)], [(2, True)]]
    with pytest.raises(FrameError, match="cannot be read"):
        kinds("9" * 30)  # nobody has so many cameras
    assert kinds("rtsp://127.0.0.1/door") == [("rtsp://127.0.0.1/door", True)]
    assert kinds("videotestsrc ! appsink") == [("videotestsrc ! appsink", True)]
    monkeypatch.chdir(tmp_path)
    shutil.copy(CROWD, "0")
    assert all(isinstance(each, Picture) for each in meant_by("0")), "a file of that name is that file"


def test_an_empty_word_is_not_the_folder_that_one_is_in(demo: Demo) -> None:
    done = call_zcc("run", "shapes", "", "--registry", demo.registry)
    assert (done.returncode, done.stdout) == (1, "")
    assert "skipped: an empty word names nothing to look at; write . for this folder" in done.stderr


def test_without_opencv_a_video_has_a_remedy(demo: Demo, tmp_path: Path) -> None:
    """A module of that name that cannot be found stands in the way, as where it is not installed."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u, sys\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'cv2' else find(name, *rest)\n"
    )
    (tmp_path / "clip.mp4").write_bytes(b"video")
    done = run_zcc("run", "shapes", tmp_path / "clip.mp4", "--registry", demo.registry, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1 and "needs OpenCV" in done.stderr and ".[video]" in done.stderr


def test_no_display_is_told(demo: Demo) -> None:
    done = run_zcc("run", "shapes", CROWD, "--show", "--registry", demo.registry, DISPLAY="", WAYLAND_DISPLAY="")
    assert_one_line(done, 1, "--show", "--save")
