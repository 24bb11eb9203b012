"""What tests of several packages share: one small detector and one wheel, made once per session."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomli
from hypothesis import HealthCheck, settings

from tests import pretending, store
from zcc.compiler.tuning.server import SPIN_VARIABLE, SPINS

ROOT = Path(__file__).resolve().parent.parent

# The same examples everywhere, and no look at the clock: other work may keep a test from its processor for seconds.
settings.register_profile("zcc", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("zcc")


@dataclass(frozen=True)
class Tiny:
    """A yolov8 with random weights and a 64 x 64 input. It belongs to all tests: copy what is to be changed."""

    model: Path  # the ONNX file
    home: Path  # the registry that holds it, as `tiny`
    folder: Path  # its artifact


def pytest_configure(config: pytest.Config) -> None:
    """Give the run its store, and the machine that it is to pretend to have."""
    if store.begin():
        config.add_cleanup(store.end)
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # numpy's idle threads sleep at once: other tests have work
    # TVM's do after so many looks; with its own 300,000 a process that ends waits for them, for minutes on busy cores.
    os.environ.setdefault(SPIN_VARIABLE, SPINS)
    pretending.begin(Path(os.environ[store.VARIABLE]))
    pretending.hide_cards()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits: at the end of a run nobody would have anything to do meanwhile."""
    items.sort(key=lambda item: item.get_closest_marker("waits") is None)


def pytest_collection_finish() -> None:
    """Have the garbage collector pass by all that was imported until now; some tests ask for it often."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let it all go in order: libraries complain at exit of what stays."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def tiny_artifact() -> Tiny:
    """The small detector, compiled for this machine in fp32."""
    import onnx

    from tests.onnx_models import build
    from zcc.compiler.compile import CompileOptions, compile_model
    from zcc.registry import Registry

    def make(place: Path) -> None:
        onnx.save(build("yolov8", imgsz=(64, 64)), place / "tiny.onnx")
        compile_model(CompileOptions(place / "tiny.onnx"), Registry.open(place / "registry"))

    place = store.made_once("tiny", make)
    [made] = Registry.open(place / "registry").artifacts()
    return Tiny(place / "tiny.onnx", place / "registry", made.folder)


@pytest.fixture(scope="session")
def wheel() -> Path:
    """A wheel built from a copy of the sources, as `pip wheel` makes it."""
    return next(store.made_once("wheel", _build_wheel).glob("zcc_yolo-*.whl"))


def _build_wheel(place: Path) -> None:
    copy = place / "sources"
    for folder in tomli.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"].values():
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--no-index", "--wheel-dir", place, copy], check=True, timeout=120)
