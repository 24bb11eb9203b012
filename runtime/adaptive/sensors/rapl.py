"""RAPL: counters of the energy that the processor's packages have used."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from zcc.runtime.adaptive.sensors.sensor import Places, read_number
from zcc.runtime.errors import SensorError

LEAST = 0.01  # seconds; the counters move once a millisecond


class Rapl:
    """The mean power of all packages since the last reading."""

    def __init__(self, domains: tuple[Path, ...], clock: Callable[[], float] = time.monotonic) -> None:
        self._domains = domains
        self._clock = clock
        self._ranges = [read_number(domain / "max_energy_range_uj") for domain in domains]
        self._at, self._energies = clock(), self._counters()
        self._watts = 0.0

    def read(self) -> float:
        """Watts."""
        now = self._clock()
        if now - self._at < LEAST:
            return self._watts
        energies = self._counters()
        # A counter that has come to its end starts at nought again.
        used = sum(
            (new - old) % (span + 1) for new, old, span in zip(energies, self._energies, self._ranges, strict=True)
        )
        self._watts = used / 1e6 / (now - self._at)
        self._at, self._energies = now, energies
        return self._watts

    def _counters(self) -> list[int]:
        return [read_number(domain / "energy_uj") for domain in self._domains]


def open_rapl(places: Places) -> Rapl:
    """The counters of this machine's packages."""
    folder = places.sysfs / "class" / "powercap"
    # `intel-rapl:0` is a package, of AMD's processors too; `intel-rapl:0:1` a part of it.
    domains = tuple(sorted(path for path in folder.glob("*rapl:*") if path.name.count(":") == 1))
    if not domains:
        raise SensorError(f"no RAPL in {folder}")
    return Rapl(domains)
