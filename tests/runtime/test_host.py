"""What the machine is, and how many threads a frame gets."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from tests.runtime.samples import run_python
from zcc.runtime import host, unlisted_features
from zcc.runtime.errors import UsageError


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Control groups of the second kind that say nothing yet, and no wish of the user's."""
    monkeypatch.setattr(host, "CGROUP", tmp_path)
    monkeypatch.setattr(host, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.delenv(host.THREADS_VARIABLE, raising=False)
    (tmp_path / "own").write_text("0::/\n")
    return tmp_path


def test_this_machine() -> None:
    assert (host.system(), host.architecture()) == ("linux", platform.machine())
    flags = Path("/proc/cpuinfo").read_text()
    listed = host.cpu_features() - unlisted_features.UNLISTED.keys()
    assert listed and all(feature in flags for feature in listed)


def test_the_processors_are_those_the_process_may_use() -> None:
    last = max(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, [{last}]); from zcc.runtime import host; print(host.usable_cpus())"
    assert run_python(code) == f"[{last}]\n"


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", None), ("150000 100000", 1.5), ("50000 100000", 0.5), ("", None)]
)
def test_a_container_sees_its_own_limit(groups: Path, quota: str, expected: float | None) -> None:
    assert host.cpu_quota() is None
    (groups / "cpu.max").write_text(quota + "\n")
    assert host.cpu_quota() == expected


def test_of_nested_groups_the_tightest_counts(groups: Path) -> None:
    """As a service manager makes them; no limit stands at the top."""
    inner = groups / "system.slice" / "camera.service"
    inner.mkdir(parents=True)
    (groups / "own").write_text("0::/system.slice/camera.service\n")
    (inner / "cpu.max").write_text("300000 100000")
    assert host.cpu_quota() == 3
    (inner.parent / "cpu.max").write_text("200000 100000")
    assert host.cpu_quota() == 2
    (inner / "cpu.max").write_text("max 100000")
    assert host.cpu_quota() == 2


@pytest.mark.parametrize(("quota", "expected"), [("-1", None), ("250000", 2.5)])
def test_a_control_group_of_the_first_kind(groups: Path, quota: str, expected: float | None) -> None:
    (groups / "own").write_text("5:memory:/a\n4:cpu,cpuacct:/docker/0123\n1:name=systemd:/b\n")
    for name, content in (("cpu.cfs_quota_us", quota), ("cpu.cfs_period_us", "100000")):
        (groups / "cpu").mkdir(exist_ok=True)
        (groups / "cpu" / name).write_text(content + "\n")
    assert host.cpu_quota() == expected


def test_no_control_groups_are_no_limit(groups: Path) -> None:
    (groups / "own").unlink()
    assert host.cpu_quota() is None


def test_threads_are_the_cores_within_the_quota(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "usable_cpus", lambda: [0, 1, 2, 3])
    assert host.cpu_quota() is None
    assert host.worker_threads() == 4
    for quota, threads in ((150_000, 2), (10_000, 1), (300_000, 3), (6_400_000, 4)):
        (groups / "cpu.max").write_text(f"{quota} 100000")
        assert host.worker_threads() == threads


def test_threads_are_what_the_user_says(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(host.THREADS_VARIABLE, "7")
    assert host.worker_threads() == 7
    for bad in ("0", "-1", "many", "1.5", "²", "1025"):
        monkeypatch.setenv(host.THREADS_VARIABLE, bad)
        with pytest.raises(UsageError, match=host.THREADS_VARIABLE):
            host.worker_threads()
