"""The policies that keep to a budget of power or warmth, whatever a sensor says of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from zcc.runtime.adaptive.observed import Observed
from zcc.runtime.adaptive.sensors.sensor import Sensor
from zcc.runtime.adaptive.sensors.table import find_sensor
from zcc.runtime.errors import UsageError

MARGIN = 0.1  # what must be free of a budget before more is spent


class Budget:
    """One step cheaper while a sensor reads more than the limit, one step more accurate while a tenth of it is free.

    A step is followed by `every` seconds in which nothing changes, so that the sensor can show what it did.
    """

    quantity: str

    def __init__(
        self,
        limit: float,
        sensor: Sensor | str | None = None,
        every: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A sensor of one's own, the name of one in the table, or the first of the table that this machine has."""
        if not limit > 0:
            raise UsageError(f"{limit} {self.quantity} is no budget", "give more than 0")
        if not every > 0:
            raise UsageError(f"every={every} is no number of seconds", "give more than 0")
        self.limit, self.every = limit, every
        self.sensor = find_sensor(self.quantity, sensor) if sensor is None or isinstance(sensor, str) else sensor
        self._clock = clock
        self._next = clock()

    def choose(self, observed: Observed) -> str:
        """The running variant, or the one beside it."""
        now, running = self._clock(), observed.running
        if now < self._next:
            return running
        self._next = now + self.every
        place = observed.dtypes.index(running) + self._step(self.sensor.read())
        return observed.dtypes[min(max(place, 0), len(observed.dtypes) - 1)]

    def _step(self, reading: float) -> int:
        if reading > self.limit:
            return -1
        return 1 if reading < (1 - MARGIN) * self.limit else 0


class PowerBudget(Budget):
    """At most so many watts, as RAPL, a power monitor, tegrastats or NVML read them."""

    quantity = "watts"

    def __init__(
        self,
        watts: float,
        sensor: Sensor | str | None = None,
        every: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Power follows a step within a second."""
        super().__init__(watts, sensor, every, clock)


class ThermalBudget(Budget):
    """At most so many degrees Celsius, as the processor's sensors, thermal zones, tegrastats or NVML read them."""

    quantity = "celsius"

    def __init__(
        self,
        celsius: float,
        sensor: Sensor | str | None = None,
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Warmth takes its time to follow a step."""
        super().__init__(celsius, sensor, every, clock)
