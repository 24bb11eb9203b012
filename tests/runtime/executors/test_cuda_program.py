"""A program survives being written to a folder, and a folder that is short of something is told apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.executors.plans import plan
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.executors.cuda_program import Module, Program, read_program
from zcc.runtime.manifest import InputSpec

SPEC = InputSpec(64, 96)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    weights = np.arange(64, dtype=np.uint8)
    Program(plan(), {"module": Module(b"cubin", b"ptx")}, weights, "key", SPEC, 5).write(tmp_path)
    return tmp_path


def test_what_was_written_is_read(folder: Path) -> None:
    program = read_program(folder, SPEC, 5, "key")
    assert program.plan == plan()
    assert program.modules == {"module": Module(b"cubin", b"ptx")}
    np.testing.assert_array_equal(program.weights, np.arange(64))
    assert (program.input, program.max_det, program.weights_key) == (SPEC, 5, "key")


def test_machine_code_alone_is_enough(folder: Path) -> None:
    (folder / "module.ptx").unlink()
    assert read_program(folder, SPEC, 5, "key").modules["module"].ptx is None


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "no plan": (lambda folder: (folder / "plan.json").unlink(), "plan.json cannot be read"),
    "no kernels": (lambda folder: (folder / "module.cubin").unlink(), "module.cubin cannot be read"),
    "no weights": (lambda folder: (folder / "weights.bin").unlink(), "weights.bin cannot be read"),
    "half the weights": (lambda folder: (folder / "weights.bin").write_bytes(bytes(32)), "has 32 bytes"),
    "a spoilt plan": (lambda folder: (folder / "plan.json").write_text("{}"), "is not a launch plan"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_spoilt_folder_is_told_apart(folder: Path, what: str) -> None:
    spoil, told = SPOILT[what]
    spoil(folder)
    with pytest.raises(CorruptArtifact, match=told):
        read_program(folder, SPEC, 5, "key")
