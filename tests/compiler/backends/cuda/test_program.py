"""A whole detector for a card: its plan holds together, and its files are read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compiler.backends.cuda.test_lower import imported
from zcc.compiler.backends.cuda.program import build_program
from zcc.compiler.backends.cuda.targets import TARGETS, Capability
from zcc.compiler.backends.table import find_target
from zcc.runtime.errors import UsageError
from zcc.runtime.executors.cuda_program import read_program
from zcc.runtime.executors.plan import STAGES


def test_program_is_read_back(tmp_path: Path) -> None:
    source = imported("yolov8", tmp_path)
    program = build_program(source, source.network(), Capability(90), "fp16")
    assert {launch.stage for launch in program.plan.launches} == set(STAGES)
    assert any(launch.overlaps for launch in program.plan.launches)
    program.write(tmp_path)
    again = read_program(tmp_path, program.input, program.max_det, program.weights_key)
    assert again.plan == program.plan
    assert (again.weights == program.weights).all()


def test_a_head_that_no_kernel_knows_has_a_program(tmp_path: Path) -> None:
    source = imported("yolov10", tmp_path)
    assert source.raw is None
    program = build_program(source, source.network(), Capability(86), "fp16")
    decoded = program.plan.tensors["map0"]
    assert (decoded.dtype, decoded.shape) == ("float32", source.model.head.shape)
    assert decoded.place in program.plan.launches[program.plan.indices_of(("postprocess",))[0]].arguments


def test_targets_are_capabilities() -> None:
    assert TARGETS["cuda:sm_86"].capability.shared_bytes == 99 << 10
    assert not TARGETS["cuda:sm_75"].computes("bf16")
    with pytest.raises(UsageError, match=r"no target 'cuda:sm_91'; did you mean .*cuda:sm_90"):
        find_target("cuda:sm_91", "fp16")
