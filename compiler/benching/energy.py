"""The energy that a stretch of work takes, where the machine tells: RAPL, NVML, and boards that tell their power."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from zcc.runtime.adaptive.sensors.hwmon import open_power_monitors
from zcc.runtime.adaptive.sensors.sensor import Places, Sensor
from zcc.runtime.adaptive.sensors.tegrastats import open_board_power
from zcc.runtime.errors import SensorError

SAMPLING = 0.02  # seconds between two readings of a board's power


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


def meters(executor: str, places: Places | None = None) -> list[Meter]:
    """What tells the energy of the processor that an executor runs on; none where nothing does."""
    where = places or Places()
    return next((found for look in METERS[executor] if (found := look(where))), [])


def _rapl(places: Places) -> list[Meter]:
    """Whole packages, without their parts, which would count twice."""
    found = []
    for zone in sorted((places.sysfs / "class" / "powercap").glob("*rapl:*")):
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


def _nvml(places: Places) -> list[Meter]:
    """The first card."""
    try:
        library = ctypes.CDLL(places.nvml)
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


class Integral:
    """Joules of what tells watts: between two readings it drew what the later one says."""

    def __init__(self, sensor: Sensor, clock: Callable[[], float] = time.monotonic) -> None:
        self._sensor, self._clock = sensor, clock
        self._joules, self._at = 0.0, clock()
        self._adding = threading.Lock()

    def read(self) -> float:
        """Joules since the beginning, as of now."""
        with self._adding:
            watts, now = self._sensor.read(), self._clock()
            self._joules += watts * (now - self._at)
            self._at = now
            return self._joules

    def follow(self, ended: threading.Event) -> None:
        """Read again and again, in a thread of its own, until there is nothing to read: whoever asks then is told."""
        with suppress(SensorError):
            while not ended.wait(SAMPLING):
                self.read()


def _board(places: Places) -> list[Meter]:
    """The power of a whole board, added up while this process lives."""
    for name, look in (("tegrastats", open_board_power), ("hwmon", open_power_monitors)):
        try:
            drawn = Integral(look(places))
            drawn.read()
        except SensorError:
            continue
        threading.Thread(target=drawn.follow, args=(threading.Event(),), daemon=True).start()
        return [Meter(f"{name}, the whole board", drawn.read)]
    return []


# Executor -> where to look, one after the other.
METERS: Mapping[str, tuple[Callable[[Places], list[Meter]], ...]] = {"cpu": (_rapl, _board), "cuda": (_nvml, _board)}
