"""Tests of holding other tools to fewer instructions than the machine has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import hold
from zcc.runtime.errors import BenchmarkError

FOUND = "import numpy; print(*(k for k, v in numpy._core._multiarray_umath.__cpu_features__.items() if v))"


def features_found(library: Path) -> set[str]:
    """What numpy, which asks CPUID, finds in a process into which the library is preloaded."""
    run = [sys.executable, "-c", FOUND]
    done = subprocess.run(run, check=True, env={hold.PRELOAD: str(library)}, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("flags", "hidden"),
    [((), {"AVX512F", "AVX512_SKX"}), (("-DWITHOUT_AVX",), {"AVX", "AVX2", "FMA3", "F16C", "AVX512F"})],
)
def test_others_find_fewer_instructions(flags: Sequence[str], hidden: set[str], tmp_path: Path) -> None:
    try:
        library = hold.build(tmp_path / "hide.so", tuple(flags))
    except BenchmarkError as error:
        pytest.skip(str(error))
    found = features_found(library)
    assert not found & hidden
    assert {"SSE41", "SSE42"} <= found


def test_what_hides_nothing_is_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(hold.PRELOAD, raising=False)
    with hold.held_to("x86-64-v4-vnni"):
        assert hold.PRELOAD not in hold.os.environ


def test_only_what_the_processor_has_is_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(hold.PRELOAD, raising=False)
    monkeypatch.setattr(hold, "build", lambda library, flags: library)
    for features, held in (({"avx2", "avx"}, False), ({"avx2", "avx_vnni"}, True), ({"avx512f"}, True)):
        monkeypatch.setattr(hold.host, "cpu_features", lambda features=features: frozenset(features))
        with hold.held_to("x86-64-v3"):
            assert (hold.PRELOAD in hold.os.environ) == held, features
        assert hold.PRELOAD not in hold.os.environ


def test_a_failure_says_what_it_takes(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="cannot be hidden") as caught:
        hold.build(tmp_path / "nowhere" / "hide.so", ())
    assert "C compiler" in str(caught.value.remedy)
