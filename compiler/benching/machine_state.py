"""The machine that times were taken on: what it is, what else it did meanwhile, and how its clock behaved."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zcc.runtime import host
from zcc.version import __version__

PROC, CPUS = Path("/proc"), Path("/sys/devices/system/cpu")
# Beyond these, a figure says as much about what else the machine did as about the detector.
OTHERS, STOLEN, DRIFT, SPREAD = 0.10, 0.02, 0.10, 0.10


def describe_machine() -> dict[str, Any]:
    """What the machine is."""
    return {
        "name": host.machine(),
        "processor": _cpuinfo("model name") or _cpuinfo("Model") or platform.processor() or host.architecture(),
        "cores": len(host.usable_cpus()),
        "system": f"{host.system()} {platform.release()}",
        "governor": _text(CPUS / "cpu0/cpufreq/scaling_governor"),
        "zcc": __version__,
    }


@dataclass(frozen=True)
class MachineReading:
    """The machine's counters at one moment."""

    moment: float
    busy: float  # seconds of all cores that anybody worked
    stolen: float  # seconds of all cores that the host gave to other machines
    ours: float  # seconds of this process and those of its that ended
    megahertz: float | None

    @classmethod
    def now(cls) -> MachineReading:
        """Read them."""
        busy, stolen = _cores()
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        ours = sum(each.ru_utime + each.ru_stime for each in used)
        return cls(time.monotonic(), busy, stolen, ours, _megahertz())


def conditions(
    before: MachineReading, after: MachineReading, ours: float, rounds: Sequence[Sequence[float]]
) -> dict[str, Any]:
    """What went on between two readings, and how the medians of the rounds moved.

    `ours` are the processor's seconds of what was timed, where that is not in the readings.
    """
    seconds = max(after.moment - before.moment, 1e-9) * (os.cpu_count() or 1)
    medians = [statistics.median(each) for each in rounds]
    low, middle, high = np.percentile(medians, (25, 50, 75))
    half = max(len(medians) // 2, 1)
    return {
        "load": round(os.getloadavg()[0], 2),
        "others": round(max(after.busy - before.busy - (after.ours - before.ours) - ours, 0.0) / seconds, 4),
        "stolen": round(max(after.stolen - before.stolen, 0.0) / seconds, 4),
        "megahertz": [before.megahertz, after.megahertz],
        "drift": round(statistics.median(medians[-half:]) / statistics.median(medians[:half]) - 1, 4),
        "spread": round(float((high - low) / middle), 4) if middle else 0.0,
    }


def warnings(told: dict[str, Any]) -> list[str]:
    """Why the times should not be believed, a sentence each; none where the machine was quiet."""
    found = []
    if told["others"] > OTHERS:
        found.append(f"other work took {told['others']:.0%} of the cores meanwhile")
    if told["stolen"] > STOLEN:
        found.append(f"the host gave {told['stolen']:.0%} of the cores to other machines")
    if abs(told["drift"]) > DRIFT:
        found.append(f"the second half of the rounds took {told['drift']:+.0%} against the first: its clock changed")
    if told["spread"] > SPREAD:
        found.append(f"the quarters of the rounds' medians are {told['spread']:.0%} apart")
    return found


def _cores() -> tuple[float, float]:
    """Seconds of all cores that were worked, and stolen, since the machine started."""
    fields = _text(PROC / "stat").split("\n", 1)[0].split()[1:]
    ticks = [int(field) / os.sysconf("SC_CLK_TCK") for field in fields[:8]]
    if len(ticks) < 8:
        return 0.0, 0.0
    user, nice, system, _idle, _waiting, irq, softirq, stolen = ticks
    return user + nice + system + irq + softirq, stolen


def _megahertz() -> float | None:
    told = [line.partition(":")[2] for line in _text(PROC / "cpuinfo").splitlines() if line.startswith("cpu MHz")]
    return round(statistics.mean(map(float, told)), 1) if told else None


def _cpuinfo(key: str) -> str:
    lines = _text(PROC / "cpuinfo").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _text(path: Path) -> str:
    """What a file of the system's says; nothing where it has none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
