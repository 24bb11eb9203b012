"""What tests of several packages share: one small detector, compiled once per session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Tiny:
    """A yolov8 with random weights and a 64 x 64 input. It belongs to all tests: copy what is to be changed."""

    model: Path  # the ONNX file
    home: Path  # the registry that holds it, as `tiny`
    folder: Path  # its artifact


@pytest.fixture(scope="session")
def tiny_artifact(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The small detector, compiled for this machine in fp32."""
    import onnx

    from tests.onnx_models import build
    from zcc.compiler.compile import CompileOptions, compile_model
    from zcc.registry import Registry

    place = tmp_path_factory.mktemp("tiny")
    model, home = place / "tiny.onnx", place / "registry"
    onnx.save(build("yolov8", imgsz=(64, 64)), model)
    [made] = compile_model(CompileOptions(model), Registry.open(home))
    return Tiny(model, home, made.folder)
