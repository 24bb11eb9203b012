"""Where kernels are measured: this machine, or one that serves them over the network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import tvm

from zcc.compiler.ir.tensors import Array
from zcc.runtime.engine import engine
from zcc.runtime.frame_pool import PoolCode
from zcc.runtime.host import cpu_features, worker_threads

T = TypeVar("T")


class MeasuringDeviceLost(Exception):
    """The device is gone; what was measured on it can be measured on another."""


class Unreachable(MeasuringDeviceLost):
    """It was never there: nothing can be said about what was to be measured."""


class Device(Protocol):
    """A machine that runs kernels. Raises MeasuringDeviceLost when it is gone."""

    def load(self, library: Path) -> Any:
        """The module of a shared library, on the device."""
        ...

    def tensor(self, values: Array) -> Any:
        """The values in the device's memory."""
        ...

    def run(self, function: Callable[[], T]) -> T:
        """Run what calls the device's functions, where its threads are set up."""
        ...

    def time(self, module: Any, entry: str, arguments: list[Any], number: int) -> float:
        """Seconds of one call, as the mean of `number` calls."""
        ...

    def share(self, module: Any, threads: int | None = None) -> None:
        """Share what is run of a module from now on out over so many threads, or all, where that can be changed."""
        ...

    def threads(self, wanted: int | None = None) -> int:
        """How many threads share what is run, where so many are wanted, or all there are."""
        ...


class DeviceAddress(Protocol):
    """Names a device; it can be sent to another process, which connects."""

    def connect(self) -> Device:
        """The device itself."""
        ...


class Here:
    """The address of this machine."""

    def connect(self) -> Device:
        """This machine; with its tile registers, where it has some, for which a process has to ask."""
        cpu_features()
        return ThisMachine()


class ThisMachine:
    """Kernels run in the engine, with the threads that frames are run with."""

    def load(self, library: Path) -> Any:
        """Load it into this process."""
        return tvm.runtime.load_module(str(library))

    def tensor(self, values: Array) -> Any:
        """Memory aligned as TVM aligns it."""
        return tvm.runtime.tensor(values)

    def run(self, function: Callable[[], T]) -> T:
        """In the engine that frames run in, which runs one call at a time."""
        return engine().call(function)

    def time(self, module: Any, entry: str, arguments: list[Any], number: int) -> float:
        """By TVM's own clock."""
        timed = module.time_evaluator(entry, tvm.cpu(), number=number, repeat=1)
        return float(timed(*arguments).results[0])

    def share(self, module: Any, threads: int | None = None) -> None:
        """As a detector shares a frame whose artifact asks for so many threads."""
        engine().share(PoolCode.of(module), threads)

    def threads(self, wanted: int | None = None) -> int:
        """As many as wanted, but no more than a frame may have here."""
        return min(wanted or worker_threads(), worker_threads())
