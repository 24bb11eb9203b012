"""What an artifact's files are made of."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest

from zcc.compiler.backends.cpu.program.files import runtime_library
from zcc.compiler.backends.cpu.targets.table import native_target
from zcc.runtime.errors import BuildError


def test_the_runtime_library_is_the_compilers_own() -> None:
    assert gzip.decompress(runtime_library(native_target())).startswith(b"\x7fELF")


@pytest.mark.parametrize("other", [{"arch": "riscv64"}, {"os": "plan9"}])
def test_another_platforms_runtime_library_is_refused(other: dict[str, str]) -> None:
    target = replace(native_target(), name="elsewhere", **other)
    with pytest.raises(
        BuildError, match=r"elsewhere needs TVM's runtime library for .*zcc knows none .*compile it on a machine with"
    ):
        runtime_library(target)
