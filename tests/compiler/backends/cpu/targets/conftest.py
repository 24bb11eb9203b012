"""A network whose convolutions have the sizes of real ones."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from tests.compiler.loaded import load_here
from tests.onnx_models import build
from tests.store import made_once


@pytest.fixture(scope="package")
def proto() -> onnx.ModelProto:
    """A YOLOv8 with the channels of the smallest one that is trained."""

    def make(place: Path) -> None:
        onnx.save(build("yolov8", width=16, imgsz=(320, 320)), place / "model.onnx")

    return load_here(made_once("yolov8-of-16", make) / "model.onnx").proto
