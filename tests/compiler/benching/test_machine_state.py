"""What a machine did while times were taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcc.compiler.benching import machine_state
from zcc.compiler.benching.machine_state import MachineReading, conditions, describe_machine, warnings

QUIET = [[1.0, 1.01]] * 6


def reading(moment: float, busy: float, stolen: float = 0.0, ours: float = 0.0) -> MachineReading:
    """A machine's counters."""
    return MachineReading(moment, busy, stolen, ours, 2000.0)


def told_of(before: MachineReading, after: MachineReading, ours: float, rounds: list[list[float]]) -> list[str]:
    """The warnings about what went on between."""
    return warnings(conditions(before, after, ours, rounds))


def test_a_quiet_machine_gives_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_state.os, "cpu_count", lambda: 4)
    assert told_of(reading(0, 100), reading(10, 121), 20, QUIET) == [], "what was timed is no other work"


def test_every_disturbance_has_its_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_state.os, "cpu_count", lambda: 4)
    [others] = told_of(reading(0, 100), reading(10, 128), 20, QUIET)
    assert others.startswith("other work took 20% of the cores")
    [stolen] = told_of(reading(0, 100), reading(10, 100, stolen=2.0), 0, QUIET)
    assert stolen.startswith("the host gave 5% of the cores")
    slowed, apart = told_of(reading(0, 0), reading(1, 0), 0, [[1.0]] * 3 + [[1.2]] * 3)
    assert "took +20%" in slowed and "20% apart" not in slowed and "apart" in apart


def test_counters_come_from_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_state, "PROC", tmp_path)
    monkeypatch.setattr(machine_state.os, "sysconf", lambda _: 100)
    (tmp_path / "stat").write_text("cpu  1000 200 300 9000 50 10 20 400 7 7\ncpu0 1 1 1 1\n")
    (tmp_path / "cpuinfo").write_text("model name\t: Test CPU\ncpu MHz\t\t: 1999.6\ncpu MHz\t\t: 2000.4\n")
    now = MachineReading.now()
    assert (now.busy, now.stolen, now.megahertz) == pytest.approx((15.3, 4.0, 2000.0))
    assert describe_machine()["processor"] == "Test CPU"
    monkeypatch.setattr(machine_state, "PROC", tmp_path / "absent")
    assert MachineReading.now().megahertz is None, "a system without /proc tells nothing, and nothing fails"
