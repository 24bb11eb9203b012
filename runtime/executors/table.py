"""The executors: one row each, by the name that manifests give. A backend of the compiler has the same name.

An executor's module is imported when an artifact needs it, so that a host without cards never looks for a driver.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from zcc.runtime.executors.executor import Executor
from zcc.runtime.manifest import Manifest


@dataclass(frozen=True)
class Row:
    """What is known of an executor before it is imported."""

    module: str  # has `load(folder, manifest, device)` and `obstacle(manifest)`
    files: frozenset[str]  # that every artifact of its kind has

    def attribute(self, name: str) -> Callable[..., Any]:
        """A function of its module."""
        return getattr(import_module(self.module), name)


EXECUTORS = {
    "cpu": Row("zcc.runtime.executors.cpu", frozenset({"model.so", "weights.bin", "libtvm_runtime.so.gz"})),
    "cuda": Row("zcc.runtime.executors.cuda_variant", frozenset({"plan.json", "weights.bin"})),
}


def load_executor(folder: Path, manifest: Manifest, device: str | None) -> Executor:
    """The artifact's files in the executor that its manifest names; they were checked before."""
    executor: Executor = EXECUTORS[manifest.executor].attribute("load")(folder, manifest, device)
    return executor


def needed_files(manifest: Manifest) -> frozenset[str]:
    """The names of what the artifact must have."""
    return EXECUTORS[manifest.executor].files
