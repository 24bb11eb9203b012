"""The energy that a stretch of work takes, where the machine tells: Intel's and AMD's RAPL, NVIDIA's NVML."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
NVML = "libnvidia-ml.so.1"


@dataclass(frozen=True)
class Meter:
    """A counter of energy that never goes back, but may begin anew."""

    name: str
    read: Callable[[], float]  # joules
    range: float | None = None  # joules at which it begins anew

    def since(self, before: float) -> float:
        """Joules since an earlier reading."""
        taken = self.read() - before
        return taken + self.range if taken < 0 and self.range else taken


def meters(executor: str) -> list[Meter]:
    """What tells the energy of the processor that an executor runs on; none where nothing does."""
    return METERS[executor]()


def _rapl() -> list[Meter]:
    """Whole packages, without their parts, which would count twice."""
    found = []
    for zone in sorted(POWERCAP.glob("intel-rapl:*")):
        if zone.name.count(":") == 1 and _number(zone / "energy_uj") is not None:
            most = _number(zone / "max_energy_range_uj")
            name = (zone / "name").read_text().strip()
            found.append(Meter(f"RAPL {name}", partial(_joules, zone / "energy_uj"), most))
    return found


def _joules(path: Path) -> float:
    return _number(path) or 0.0


def _number(path: Path) -> float | None:
    """Joules; most systems let only their administrator read them."""
    try:
        return int(path.read_text()) / 1e6
    except (OSError, ValueError):
        return None


def _nvml() -> list[Meter]:
    """The first card."""
    try:
        library = ctypes.CDLL(NVML)
    except OSError:
        return []
    card, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
    if library.nvmlInit_v2() or library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(card)):
        return []
    if library.nvmlDeviceGetTotalEnergyConsumption(card, ctypes.byref(millijoules)):
        return []  # cards before Volta do not tell

    def read() -> float:
        library.nvmlDeviceGetTotalEnergyConsumption(card, ctypes.byref(millijoules))
        return millijoules.value / 1e3

    return [Meter("NVML", read)]


METERS: Mapping[str, Callable[[], list[Meter]]] = {"cpu": _rapl, "cuda": _nvml}
