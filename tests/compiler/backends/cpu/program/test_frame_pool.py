"""The code by which threads share a frame, for every architecture."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcc.compiler.backends.cpu.program.frame_pool import MACHINES, write_pool
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.runtime import frame_pool

FIRST = {target.arch: target for target in reversed(TARGETS.values())}


def test_every_architecture_has_a_row() -> None:
    assert set(MACHINES) == set(FIRST)


@pytest.mark.parametrize("architecture", MACHINES)
def test_it_is_compiled_for_the_architecture(architecture: str, tmp_path: Path) -> None:
    code = write_pool(FIRST[architecture].tvm_target(), tmp_path).read_bytes()
    machine = int.from_bytes(code[18:20], "little")
    assert machine == {"x86_64": 62, "aarch64": 183}[architecture]
    for name in (frame_pool.JOIN, frame_pool.WORK, frame_pool.LIMIT):
        assert f"__tvm_ffi_{name}".encode() in code
    assert b"__TVMBackendParallelLaunch" in code, "kernels find this launcher before TVM's"
