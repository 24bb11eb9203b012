"""Small models of tasks, compiled once for a whole run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest

from tests import store
from tests.onnx_models.tasks import build_task

CLASSES = 3
COMPILED = ("segment", "classify")  # what the others have beside these, tests of the frame's kernels look at


@dataclass(frozen=True)
class Tasks:
    """They belong to all tests: copy what is to be changed."""

    home: Path  # the registry that holds them, each under its task's name

    def model(self, task: str) -> Path:
        """The ONNX file."""
        return self.home.parent / f"{task}.onnx"


@pytest.fixture(scope="session")
def tasks() -> Tasks:
    """The small models that are compiled."""
    from zcc.compiler.compile import CompileOptions, compile_model
    from zcc.registry import Registry

    def make(place: Path) -> None:
        for task in COMPILED:
            onnx.save(build_task(task, classes=CLASSES), place / f"{task}.onnx")
            compile_model(CompileOptions(place / f"{task}.onnx"), Registry.open(place / "registry"))

    return Tasks(store.made_once("tasks", make) / "registry")
