"""NVML: what NVIDIA's driver tells of the first GPU, through the library that comes with it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

from zcc.runtime.adaptive.sensors.sensor import Places
from zcc.runtime.errors import SensorError

DIE = 0  # which of a GPU's temperatures


@dataclass(frozen=True)
class Gpu:
    """One GPU of an initialised library."""

    library: Any
    handle: ctypes.c_void_p

    def ask(self, function: str, *arguments: int) -> int:
        """A number that the library writes behind its last argument."""
        value = ctypes.c_uint()
        _check(function, getattr(self.library, function)(self.handle, *arguments, ctypes.byref(value)))
        return value.value


@dataclass(frozen=True)
class GpuPower:
    """What a GPU draws."""

    gpu: Gpu

    def read(self) -> float:
        """Watts."""
        return self.gpu.ask("nvmlDeviceGetPowerUsage") / 1e3


@dataclass(frozen=True)
class GpuWarmth:
    """How warm a GPU is."""

    gpu: Gpu

    def read(self) -> float:
        """Degrees Celsius."""
        return float(self.gpu.ask("nvmlDeviceGetTemperature", DIE))


def open_gpu_power(places: Places) -> GpuPower:
    """The power of the first GPU."""
    return GpuPower(_first_gpu(places))


def open_gpu_warmth(places: Places) -> GpuWarmth:
    """The temperature of the first GPU."""
    return GpuWarmth(_first_gpu(places))


def _first_gpu(places: Places) -> Gpu:
    try:
        library = ctypes.CDLL(places.nvml)
    except OSError as error:
        raise SensorError(f"no {places.nvml}") from error
    handle = ctypes.c_void_p()
    _check("nvmlInit_v2", library.nvmlInit_v2())
    _check("nvmlDeviceGetHandleByIndex_v2", library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)))
    return Gpu(library, handle)


def _check(function: str, status: int) -> None:
    if status:
        raise SensorError(f"{function} of NVML failed with status {status}", "see what nvidia-smi says")
