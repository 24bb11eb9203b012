"""hwmon and thermal zones: what drivers tell of temperatures and power."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zcc.runtime.adaptive.sensors.sensor import Places, read_number
from zcc.runtime.errors import SensorError

PROCESSORS = frozenset({"coretemp", "k10temp", "zenpower", "cpu_thermal", "soc_thermal"})


@dataclass(frozen=True)
class Highest:
    """The highest of several files."""

    files: tuple[Path, ...]
    parts: float  # of a unit that the files count in

    def read(self) -> float:
        """The highest value."""
        return max(read_number(file) for file in self.files) / self.parts


@dataclass(frozen=True)
class Total:
    """The sum of several files."""

    files: tuple[Path, ...]
    parts: float

    def read(self) -> float:
        """The sum of the values."""
        return sum(read_number(file) for file in self.files) / self.parts


def open_processor_warmth(places: Places) -> Highest:
    """The warmest sensor of the processor."""
    folder = places.sysfs / "class" / "hwmon"
    files = [file for chip in _chips(folder) if _name(chip) in PROCESSORS for file in sorted(chip.glob("temp*_input"))]
    if not files:
        raise SensorError(f"no temperature of a processor in {folder}")
    return Highest(tuple(files), 1e3)


def open_zones(places: Places) -> Highest:
    """The warmest thermal zone."""
    folder = places.sysfs / "class" / "thermal"
    files = tuple(sorted(folder.glob("thermal_zone*/temp")))
    if not files:
        raise SensorError(f"no thermal zone in {folder}")
    return Highest(files, 1e3)


def open_power_monitors(places: Places) -> Total:
    """The sum of what power monitors measure, the first rail of each."""
    folder = places.sysfs / "class" / "hwmon"
    rails = (
        next((chip / name for name in ("power1_average", "power1_input") if (chip / name).is_file()), None)
        for chip in _chips(folder)
    )
    files = tuple(rail for rail in rails if rail is not None)
    if not files:
        raise SensorError(f"no power monitor in {folder}")
    return Total(files, 1e6)


def _chips(folder: Path) -> list[Path]:
    return sorted(folder.glob("hwmon*"))


def _name(chip: Path) -> str:
    file = chip / "name"
    return file.read_text().strip() if file.is_file() else ""
