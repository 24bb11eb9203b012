"""zcc build: what is missing is built, what fails is told, and the second time there is nothing to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import assert_one_line, run_zcc
from tests.conftest import Tiny
from zcc.registry import Registry

MATRIX = """
[[model]]
path = "tiny.onnx"
dtypes = ["fp32", "fp16"]

[[model]]
path = "tiny.onnx"
name = "other"
targets = ["x86-64-v2"]
dtypes = ["bf16"]

[[model]]
path = "tiny.onnx"
name = "bare"
dtypes = ["int8"]

[[model]]
path = "broken.onnx"
"""


@pytest.fixture
def ground(tiny_artifact: Tiny, tmp_path: Path) -> Path:
    """A matrix, and a registry that has one of its variants."""
    shutil.copy(tiny_artifact.model, tmp_path / "tiny.onnx")
    shutil.copytree(tiny_artifact.home, tmp_path / "registry")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    (tmp_path / "matrix.toml").write_text(MATRIX)
    return tmp_path


def _build(ground: Path) -> tuple[int, dict[str, Any], str]:
    done = run_zcc(
        "build", "matrix.toml", "--workers", "1", "--registry", "registry", "--json", cwd=ground, timeout=300
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def test_a_matrix_is_built_and_then_there(ground: Path, tiny_artifact: Tiny) -> None:
    code, told, lines = _build(ground)
    states = {f"{cell['name']} {cell['dtype']}": cell["state"] for cell in told["cells"]}
    assert states == {
        "tiny fp32": "there",
        "tiny fp16": "built",
        "other bf16": "cannot be",
        "bare int8": "failed",
        "broken fp32": "failed",
    }
    assert code == 1, "something failed"
    fp32, fp16, other, bare, broken = told["cells"]
    [tiny] = Registry.open(tiny_artifact.home).artifacts()
    assert fp32["digest"] == tiny.digest
    assert Registry.open(ground / "registry").resolve(fp16["digest"]).manifest.dtype == "fp16"
    assert "no instructions for bf16" in other["reason"]
    assert "needs pictures" in bare["reason"]
    assert "broken.onnx" in broken["reason"]
    assert len([line for line in lines.splitlines() if line.startswith("failed")]) == 2
    code, told, _ = _build(ground)
    assert [cell["state"] for cell in told["cells"]] == ["there", "there", "cannot be", "failed", "failed"]
    assert told["cells"][1]["digest"] == fp16["digest"]


def test_what_is_no_matrix_is_told_before_anything_begins(ground: Path) -> None:
    assert_one_line(run_zcc("build", "nowhere.toml", cwd=ground), 2, "nowhere.toml", "check the path")
