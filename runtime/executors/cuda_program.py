"""A CUDA variant's files: `plan.json`, a cubin and a PTX file for each module, `weights.bin`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.executors.plan import Plan
from zcc.runtime.executors.plan_json import read_plan, write_plan
from zcc.runtime.manifest import InputSpec

PLAN, WEIGHTS = "plan.json", "weights.bin"


@dataclass(frozen=True)
class Module:
    """A module's code: machine code for one architecture, and PTX for younger ones."""

    cubin: bytes
    ptx: bytes | None = None


@dataclass(frozen=True)
class Program:
    """What an artifact holds for a card."""

    plan: Plan
    modules: Mapping[str, Module]
    weights: NDArray[np.uint8]
    weights_key: str  # the same for the same bytes
    input: InputSpec
    max_det: int

    def write(self, folder: Path) -> None:
        """Put its files into a folder."""
        (folder / PLAN).write_text(write_plan(self.plan))
        (folder / WEIGHTS).write_bytes(self.weights.tobytes())
        for name, module in self.modules.items():
            (folder / f"{name}.cubin").write_bytes(module.cubin)
            if module.ptx is not None:
                (folder / f"{name}.ptx").write_bytes(module.ptx)


def read_program(folder: Path, spec: InputSpec, max_det: int, weights_key: str) -> Program:
    """The program whose files lie in a folder; the rest is in its manifest."""
    try:
        plan = read_plan((folder / PLAN).read_text(), str(folder / PLAN))
        modules = {name: _module(folder, name) for name in plan.modules}
        weights = np.fromfile(folder / WEIGHTS, np.uint8)
    except OSError as error:
        problem = f"{error.filename} cannot be read: {error.strerror}"
        raise CorruptArtifact(problem, "compile the model again") from error
    if weights.nbytes != plan.regions["weights"]:
        problem = f"{folder / WEIGHTS} has {weights.nbytes} bytes, and its plan counts on {plan.regions['weights']}"
        raise CorruptArtifact(problem, "compile the model again")
    return Program(plan, modules, weights, weights_key, spec, max_det)


def _module(folder: Path, name: str) -> Module:
    ptx = folder / f"{name}.ptx"
    return Module((folder / f"{name}.cubin").read_bytes(), ptx.read_bytes() if ptx.exists() else None)
