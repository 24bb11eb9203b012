"""What the machine can do: measured once, kept, and measured again when it turns out that it can do more."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.registry.samples import artifact
from zcc.compiler.backends.common.machine import Machine
from zcc.compiler.building.progress import Silent
from zcc.compiler.profiling.machine_limits import machine_limits
from zcc.compiler.profiling.profile import KernelTime

SLOW = Machine(2, {"fp32": 1e9}, ((1, 1e9), (2, 5e8)))
QUICK = Machine(2, {"fp32": 3e9}, ((1, 5e8), (2, 6e8)))
TAKES_TWO = KernelTime("conv_3x3", "a", 2.0, 10**9, 1)  # which SLOW does in one at least
TAKES_HALF = KernelTime("conv_3x3", "a", 0.5, 10**9, 1)
WINOGRAD = KernelTime("winograd4s1", "a", 0.5, 10**9, 1)


def test_limits_are_measured_when_they_have_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path / "cache"))
    answers = [SLOW, QUICK, SLOW]
    backend = SimpleNamespace(machine=lambda target, wanted: answers.pop(0))
    monkeypatch.setattr("zcc.compiler.profiling.machine_limits.backend_named", lambda name: backend)
    _, manifest = artifact(tmp_path / "a")

    def asked(kernel: KernelTime, again: bool = False) -> Machine | None:
        return machine_limits(manifest, [kernel], Silent(), again)

    assert asked(TAKES_TWO) == SLOW
    assert asked(TAKES_TWO) == asked(WINOGRAD) == SLOW and len(answers) == 2, "kept, and nothing was quicker"
    best = Machine(2, {"fp32": 3e9}, ((1, 1e9), (2, 6e8)))
    assert asked(TAKES_HALF) == best, "it was disturbed when it was measured"
    assert asked(TAKES_HALF, again=True) == best and not answers


def test_where_something_disturbed_every_measurement_a_machine_can_do_what_kernels_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path / "cache"))
    measured: list[str] = []

    def measure(target: str, wanted: list[str]) -> Machine:
        measured.append(target)
        return SLOW

    monkeypatch.setattr(
        "zcc.compiler.profiling.machine_limits.backend_named", lambda name: SimpleNamespace(machine=measure)
    )
    _, manifest = artifact(tmp_path / "a")
    reading = KernelTime("resize", "b", 1.0, 0, 2 * 10**9)
    kernels = [TAKES_HALF, reading, WINOGRAD, KernelTime("conv_1x1", "c", 1e-9, 10**6, 1)]
    for _ in range(2):
        found = machine_limits(manifest, kernels[:3], Silent())
        assert found is not None
        assert found.peaks == {"fp32": 2e9}
        assert found.floor("fp32", 0, 2 * 10**9) == 1.0
    assert len(measured) == 1, "what was reached is kept"
    found = machine_limits(manifest, kernels, Silent())
    assert found is not None and found.peaks == {"fp32": 2e9}, "a clock says too little of what takes a nanosecond"


def test_a_backend_that_cannot_measure_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path / "cache"))
    backend = SimpleNamespace(machine=lambda target, wanted: None)
    monkeypatch.setattr("zcc.compiler.profiling.machine_limits.backend_named", lambda name: backend)
    _, manifest = artifact(tmp_path / "a")
    assert machine_limits(manifest, [TAKES_TWO], Silent()) is None
