"""What this machine is: system, processor features, and the cores this process may use."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from zcc.runtime import tile_registers, unlisted_features
from zcc.runtime.errors import UsageError
from zcc.runtime.escaping import escaped

MACHINE = "ZCC_MACHINE"
LONGEST_NAME = 64

CPUINFO = Path("/proc/cpuinfo")
CGROUP = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
THREADS_VARIABLE = "ZCC_NUM_THREADS"
MOST_THREADS = 1024  # each is started: a slip of the finger is to take no machine down


def system() -> str:
    """The operating system, as in `linux` or `darwin`."""
    return platform.system().lower()


def architecture() -> str:
    """The processor's architecture, as in `x86_64` or `aarch64`."""
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)


def machine() -> str:
    """What this machine is called where figures are told: ZCC_MACHINE, else its own name."""
    return escaped(os.environ.get(MACHINE) or platform.node() or "a machine without a name")[:LONGEST_NAME]


@cache
def cpu_features() -> frozenset[str]:
    """The instruction sets that this process may use, by Linux's names for them."""
    return tile_registers.usable(_listed_features())


def withheld_features() -> frozenset[str]:
    """Those of the processor that this process may not use."""
    return _listed_features() - cpu_features()


def processor() -> str:
    """The processor's name, where the system tells it."""
    return _told_of_processor("model name", "Model")


def _listed_features() -> frozenset[str]:
    listed = frozenset(_told_of_processor("flags", "Features").split())
    return listed | unlisted_features.beyond(listed)


def _told_of_processor(*keys: str) -> str:
    """What the system says of the first processor under one of these words."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    told = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in told if key.strip() in keys), "")


def usable_cpus() -> list[int]:
    """The processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cpu_quota() -> float | None:
    """How many processors' worth of time the control groups allow, None when they set no limit."""
    groups = (*control_groups(""), *control_groups("cpu"))
    return min((quota for group in groups if (quota := _quota(group)) is not None), default=None)


def control_groups(controller: str) -> Iterator[Path]:
    """The groups of one controller that this process is in, each inside the next; without one, those of all at once.

    A container may see the outermost alone.
    """
    try:
        lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controller in controllers.split(","):
            inner = PurePosixPath(place).relative_to("/")
            yield from (CGROUP / controller / group for group in (inner, *inner.parents))


def _quota(group: Path) -> float | None:
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            quota, period = " ".join((group / name).read_text() for name in names).split()
        except (OSError, ValueError):
            continue
        return int(quota) / int(period) if quota.isdecimal() else None  # `max` and `-1` are no limit
    return None


def worker_threads() -> int:
    """How many threads a frame is shared out over: ZCC_NUM_THREADS, else every core this process may use."""
    wanted = os.environ.get(THREADS_VARIABLE, "")
    if wanted:
        if not wanted.isdecimal() or not 1 <= int(wanted) <= MOST_THREADS:
            raise UsageError(f"{THREADS_VARIABLE}={wanted!r} is not a number of threads", f"give 1 to {MOST_THREADS}")
        return int(wanted)
    # A part of a core is rounded: with 1.5, two threads take 20 ms for a frame that takes one 30, the last percent no
    # longer; with 2.5, three are 6% quicker than two, and the last percent takes them twice as long.
    quota = cpu_quota()
    cores = len(usable_cpus())
    return cores if quota is None else max(1, min(cores, round(quota)))


def frame_threads(wanted: int | None) -> int:
    """The threads of an artifact that wants so many: ZCC_NUM_THREADS still, and never more than the cores allow."""
    allowed = worker_threads()
    return min(wanted, allowed) if wanted is not None and threads_are_free() else allowed


def threads_are_free() -> bool:
    """Whether the user left the number of threads to us."""
    return not os.environ.get(THREADS_VARIABLE)
