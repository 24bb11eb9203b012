"""Every sensor there is, by what it measures and by name; of several, the first that a machine has is taken."""

from __future__ import annotations

from collections.abc import Callable

from zcc.runtime.adaptive.sensors.hwmon import open_power_monitors, open_processor_warmth, open_zones
from zcc.runtime.adaptive.sensors.nvml import open_gpu_power, open_gpu_warmth
from zcc.runtime.adaptive.sensors.rapl import open_rapl
from zcc.runtime.adaptive.sensors.sensor import Places, Sensor
from zcc.runtime.adaptive.sensors.tegrastats import open_board_power, open_board_warmth
from zcc.runtime.errors import SensorError

Open = Callable[[Places], Sensor]

SENSORS: dict[str, dict[str, Open]] = {
    "watts": {
        "tegrastats": open_board_power,
        "rapl": open_rapl,
        "hwmon": open_power_monitors,
        "nvml": open_gpu_power,
    },
    "celsius": {
        "tegrastats": open_board_warmth,
        "hwmon": open_processor_warmth,
        "thermal": open_zones,
        "nvml": open_gpu_warmth,
    },
}


def find_sensor(quantity: str, name: str | None = None, places: Places | None = None) -> Sensor:
    """The sensor of that name, or the first this machine has; a SensorError tells what was looked for."""
    known = SENSORS[quantity]
    if name is not None and name not in known:
        raise SensorError(f"there is no sensor {name!r} of {quantity}", f"choose one of {', '.join(known)}")
    missing = []
    for each in known if name is None else (name,):
        try:
            sensor = known[each](places or Places())
            sensor.read()
        except SensorError as error:
            missing.append(error.problem)
        else:
            return sensor
    raise SensorError(
        f"nothing tells the {quantity} of this machine: {'; '.join(missing)}",
        "use another policy, or give it a sensor of your own",
    )
