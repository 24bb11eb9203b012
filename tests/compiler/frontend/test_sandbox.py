"""A process that dies, hangs or runs out of memory over a file costs one clear error."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from tests import onnx_models
from zcc.compiler.frontend import sandbox
from zcc.compiler.frontend.load import load_model
from zcc.runtime.errors import ModelError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "model.onnx"
    onnx.save(onnx_models.build("yolov8"), str(found))
    return found


def test_too_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "LIMIT_SECONDS", 0.01)
    with pytest.raises(ModelError, match=r"could not be read in 0\.01 seconds"):
        load_model(path)


def test_too_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "LIMIT_BYTES", 1 << 28)
    with pytest.raises(ModelError):
        load_model(path)


def test_death(tmp_path: Path) -> None:
    """A group count of zero makes native shape inference divide by it."""
    proto = onnx_models.build("yolov8")
    for node in proto.graph.node:
        for attribute in node.attribute:
            if attribute.name == "strides":
                attribute.ints[:] = [0, 0]
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError, match=r"crashed the libraries that read ONNX \(SIG"):
        load_model(path)


def test_relative_paths_and_other_folders(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the user's folder that is named like a library is not taken for it."""
    (path.parent / "onnx.py").write_text("raise SystemExit('taken')")
    monkeypatch.chdir(path.parent)
    assert load_model(Path("model.onnx")).height == 64
