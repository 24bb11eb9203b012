"""What this machine is: system, processor features, and the cores this process may use."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path

from zcc.runtime.errors import UsageError

CPUINFO = Path("/proc/cpuinfo")
CGROUP = Path("/sys/fs/cgroup")
THREADS_VARIABLE = "ZCC_NUM_THREADS"


def system() -> str:
    """The operating system, as in `linux` or `darwin`."""
    return platform.system().lower()


def architecture() -> str:
    """The processor's architecture, as in `x86_64` or `aarch64`."""
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)


@cache
def cpu_features() -> frozenset[str]:
    """The instruction sets that the processor and the kernel offer, by their names in /proc/cpuinfo."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def usable_cpus() -> list[int]:
    """The processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cpu_quota() -> float | None:
    """How many processors' worth of time the control group allows, None when it does not say."""
    readings = (
        (CGROUP / "cpu.max", None),
        (CGROUP / "cpu" / "cpu.cfs_quota_us", CGROUP / "cpu" / "cpu.cfs_period_us"),
    )
    for quota_file, period_file in readings:
        try:
            words = quota_file.read_text().split()
            words += period_file.read_text().split() if period_file else []
        except OSError:
            continue
        quota, period = words[0], words[1]
        return int(quota) / int(period) if quota.lstrip("-").isdigit() and int(quota) > 0 else None
    return None


def worker_threads() -> int:
    """How many threads a frame is shared out over: ZCC_NUM_THREADS, else every core this process may use."""
    wanted = os.environ.get(THREADS_VARIABLE, "")
    if wanted:
        if not wanted.isdigit() or int(wanted) < 1:
            raise UsageError(f"{THREADS_VARIABLE}={wanted!r} is not a number of threads", "give 1 or more")
        return int(wanted)
    quota = cpu_quota()
    cores = len(usable_cpus())
    return max(1, min(cores, round(quota))) if quota else cores
