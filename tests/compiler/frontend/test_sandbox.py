"""A process that dies, hangs or runs out of memory over a file costs one clear error."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx
import pytest

from tests import onnx_models
from zcc.compiler.frontend import sandbox
from zcc.compiler.frontend.load import load_model
from zcc.runtime.errors import BuildError, ModelError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "model.onnx"
    onnx.save(onnx_models.build("yolov8"), str(found))
    return found


def test_too_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "LONGEST_WAIT", 0.01)
    with pytest.raises(ModelError, match=r"could not be read in 0\.01 seconds"):
        load_model(path)


def test_too_much_work(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is the process's own time: a machine that has much to do refuses no model."""
    (tmp_path / "onnxsim.py").write_text("def simplify(proto):\n    while True: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sandbox, "LIMIT_SECONDS", 1)
    with pytest.raises(ModelError, match=r"could not be read in 1 seconds of processor time"):
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


def test_last_words(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that does not find what it is asked says so, and the error repeats it."""
    monkeypatch.setattr(sandbox, "REQUEST", "elsewhere.json")
    with pytest.raises(ModelError, match=r"\(exit status 1: FileNotFoundError: .*request\.json"):
        load_model(path)


def test_relative_paths_and_other_folders(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the user's folder that is named like a library is not taken for it."""
    (path.parent / "onnx.py").write_text("raise SystemExit('taken')")
    monkeypatch.chdir(path.parent)
    assert load_model(Path("model.onnx")).height == 64


def test_where_less_memory_is_allowed_than_a_model_may_take(path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from zcc.compiler.frontend.load import load_model\n"
        "resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))\n"
        "print(load_model(Path(sys.argv[1])).height)"
    )
    assert subprocess.check_output([sys.executable, "-c", code, path], text=True) == "64\n"


def test_a_full_folder_for_temporary_files(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1_500_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    told = (
        rf"in {tempfile.gettempdir()}: 1\.5 MB are free, and a build of model.onnx needs .*another folder with TMPDIR"
    )
    with pytest.raises(BuildError, match=told):
        load_model(path)


def test_a_result_that_cannot_be_written(path: Path) -> None:
    """Files of this process and its children may have 2 KB: enough for a request, not for a model."""
    code = (
        "import resource, sys; from pathlib import Path; from zcc.compiler.frontend.load import load_model\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))\n"
        "try: load_model(Path(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    said = subprocess.check_output([sys.executable, "-c", code, path], text=True)
    assert said.startswith(f"BuildError temporary files cannot be written in {tempfile.gettempdir()}: File too large;")
