"""What cannot be compiled is told before the compiler is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from tests import onnx_models
from zcc.compiler.quality.given import check_bar, check_files
from zcc.runtime.errors import DatasetError, UsageError

TRAPS: tuple[Callable[[Path], None], ...] = (os.mkfifo, lambda path: path.symlink_to("/dev/zero"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    onnx.save(onnx_models.build("yolov8"), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def test_it_loads_no_compiler() -> None:
    code = "import sys, zcc.compiler.quality.given; assert not {'tvm', 'onnxruntime'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("name", ["x.jpg", "x.npy"])
def test_pictures_that_cannot_be_read_are_told_when_no_other_can(
    model: Path, tmp_path: Path, trap: Callable[[Path], None], name: str
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    trap(folder / name)
    with pytest.raises(DatasetError, match=f"no picture in .* can be read: {name}.*no regular file"):
        check_files(model, calib=folder)
    np.save(folder / "y.npy", np.zeros((8, 8, 3), np.uint8))
    check_files(model, calib=folder)


@pytest.mark.parametrize("trap", TRAPS)
def test_data_that_cannot_be_read_are_told(model: Path, tmp_path: Path, trap: Callable[[Path], None]) -> None:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "a.png")
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    check_files(model, data=tmp_path)
    trap(tmp_path / "images" / "b.png")
    with pytest.raises(DatasetError, match="no regular file"):
        check_files(model, data=tmp_path)
    (tmp_path / "classes.txt").write_text("")
    with pytest.raises(UsageError, match="no class name on line 1"):
        check_files(model, classes=tmp_path / "classes.txt")


@pytest.mark.parametrize("line", ["0 .1 .1 .9 .1 .9 .9 .1 .9", "0 .1 .1 .9 .1 .5 .9", "1 .5 .5 .5 .5 .4 .4 2 .6 .6 2"])
def test_what_labels_of_other_tasks_should_be_the_model_will_say(model: Path, tmp_path: Path, line: str) -> None:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "a.png")
    label = tmp_path / "labels" / "a.txt"
    label.write_text(f"\n{line}\n")
    check_files(model, data=tmp_path)
    label.write_text("0 .5 .5 .5\n")
    with pytest.raises(DatasetError, match=r"a\.txt:1 has 4 values"):
        check_files(model, data=tmp_path)


def test_folders_of_classes_are_data(model: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "cat").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "pictures" / "cat" / "a.png")
    check_files(model, data=tmp_path / "pictures")


def test_a_bar_needs_something_to_be_held_to(tmp_path: Path) -> None:
    check_bar(None, None, None)
    check_bar(100.0, None, None)
    check_bar(0.3, None, tmp_path)
    with pytest.raises(UsageError, match="no pictures to measure on"):
        check_bar(0.3, None, None)
