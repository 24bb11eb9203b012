"""What a sensor is, and where sensors are looked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from zcc.runtime.errors import SensorError


class Sensor(Protocol):
    """One quantity of this machine."""

    def read(self) -> float:
        """The value now, in watts or degrees Celsius; SensorError when it cannot be read any more."""
        ...


@dataclass(frozen=True)
class Places:
    """Where this machine shows its sensors."""

    sysfs: Path = Path("/sys")
    nvml: str = "libnvidia-ml.so.1"
    path: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))  # programs


def read_number(file: Path) -> int:
    """The number in a file of sysfs."""
    try:
        return int(file.read_text())
    except OSError as error:
        raise SensorError(f"{file} cannot be read: {error.strerror}", "run with the right to read it") from error
    except ValueError as error:
        raise SensorError(f"{file} holds no number", "choose another sensor") from error
