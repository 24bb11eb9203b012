"""What tests of several packages share: one small detector and one wheel, made once per session."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomli

ROOT = Path(__file__).resolve().parent.parent


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


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, as `pip wheel` makes it."""
    copy, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for folder in tomli.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"].values():
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--no-index", "--wheel-dir", out, copy], check=True, timeout=120)
    return next(out.glob("zcc_yolo-*.whl"))
