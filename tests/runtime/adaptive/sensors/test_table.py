"""Sensors on made-up machines: trees of files, a library and a program as drivers provide them."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from zcc.runtime.adaptive.sensors.nvml import open_gpu_power
from zcc.runtime.adaptive.sensors.rapl import Rapl
from zcc.runtime.adaptive.sensors.sensor import Places
from zcc.runtime.adaptive.sensors.table import SENSORS, find_sensor
from zcc.runtime.adaptive.sensors.tegrastats import celsius, watts
from zcc.runtime.errors import SensorError

XAVIER = (
    "RAM 2722/7771MB (lfb 512x4MB) SWAP 0/3885MB (cached 0MB) CPU [12%@1190,9%@1190,off,off] EMC_FREQ 0% GR3D_FREQ 9% "
    "AO@39C GPU@40.5C PMIC@100C AUX@39.5C CPU@41C thermal@40.2C VDD_IN 4580/4612 VDD_CPU_GPU_CV 1120/1168"
)
ORIN = (
    "11-20-2026 12:00:01 RAM 3412/15388MB CPU [2%@729,0%@729] GR3D_FREQ 0% cpu@47.718C soc2@46.25C gpu@-256C tj@48.5C "
    "VDD_GPU_SOC 2402mW/2402mW VDD_CPU_CV 400mW/410mW VIN_SYS_5V0 3000mW/3010mW"
)
NANO = "RAM 1912/3964MB CPU [5%@102,4%@102] PLL@34C CPU@36.5C POM_5V_IN 2518/2600 POM_5V_GPU 120/130 POM_5V_CPU 300/310"
NVML = """
static unsigned ready;
int nvmlInit_v2(void) { ready = 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) { *handle = &ready; return index || !ready; }
int nvmlDeviceGetPowerUsage(void *handle, unsigned *mw) { *mw = 71250; return handle != &ready; }
int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *c) { *c = 58; return sensor || handle != &ready; }
"""


def write(folder: Path, **files: str | int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name).write_text(f"{value}\n")
    return folder


@pytest.fixture
def bare(tmp_path: Path) -> Places:
    """A machine without a single sensor."""
    return Places(tmp_path / "sys", "libno-such-nvml.so.1", str(tmp_path / "bin"))


@pytest.mark.parametrize("quantity", SENSORS)
def test_a_machine_without_sensors_is_told_what_was_looked_for(bare: Places, quantity: str) -> None:
    with pytest.raises(SensorError, match=f"nothing tells the {quantity}.*tegrastats.*hwmon.*libno-such-nvml") as error:
        find_sensor(quantity, places=bare)
    assert str(bare.sysfs) in str(error.value)
    with pytest.raises(SensorError, match=f"no sensor 'pulse' of {quantity}; choose one of tegrastats, "):
        find_sensor(quantity, "pulse", bare)


def test_rapl_counts_packages_and_not_their_parts(bare: Places) -> None:
    cap = bare.sysfs / "class" / "powercap"
    packages = [write(cap / f"intel-rapl:{n}", energy_uj=n, max_energy_range_uj=10**9) for n in (0, 1)]
    write(cap / "intel-rapl:0:0", energy_uj=0, max_energy_range_uj=10**9)
    sensor = find_sensor("watts", places=bare)
    assert isinstance(sensor, Rapl)
    assert sensor._domains == tuple(packages)


def test_rapl_is_energy_over_time_also_where_a_counter_starts_again(tmp_path: Path) -> None:
    now = [100.0]
    package = write(tmp_path / "intel-rapl:0", energy_uj=900, max_energy_range_uj=999_999)
    sensor = Rapl((package,), lambda: now[0])
    for seconds, energy, expected in ((0.5, 100_900, 0.2), (2.0, 900_900, 0.4), (1.0, 400_900, 0.5), (0.001, 7, 0.5)):
        now[0] += seconds
        write(package, energy_uj=energy)
        assert sensor.read() == pytest.approx(expected)


def test_a_counter_for_the_administrator_alone_is_said_to_be_one(bare: Places) -> None:
    package = write(bare.sysfs / "class/powercap/intel-rapl:0", max_energy_range_uj=10)
    (package / "energy_uj").mkdir()  # reading fails whoever runs the tests
    with pytest.raises(SensorError, match="energy_uj cannot be read"):
        find_sensor("watts", "rapl", bare)


def test_hwmon_and_zones(bare: Places) -> None:
    write(bare.sysfs / "class/thermal/thermal_zone0", temp=51_000)
    write(bare.sysfs / "class/thermal/thermal_zone1", temp=49_500)
    assert find_sensor("celsius", places=bare).read() == 51.0
    write(bare.sysfs / "class/hwmon/hwmon0", name="nvme", temp1_input=99_000)
    write(bare.sysfs / "class/hwmon/hwmon1", name="k10temp", temp1_input=61_250, temp3_input=63_000)
    assert find_sensor("celsius", places=bare).read() == 63.0
    assert find_sensor("celsius", "thermal", bare).read() == 51.0
    write(bare.sysfs / "class/hwmon/hwmon2", name="ina3221", power1_input=4_500_000)
    write(bare.sysfs / "class/hwmon/hwmon3", name="amdgpu", power1_average=12_000_000, power1_input=1)
    assert find_sensor("watts", "hwmon", bare).read() == 16.5


def test_what_holds_no_number_is_refused(bare: Places) -> None:
    write(bare.sysfs / "class/thermal/thermal_zone0", temp="warm")
    with pytest.raises(SensorError, match="thermal_zone0/temp holds no number"):
        find_sensor("celsius", "thermal", bare)


def test_nvml_through_a_library_with_its_functions(tmp_path: Path, bare: Places) -> None:
    source, library = tmp_path / "nvml.c", tmp_path / "libnvml-made-up.so"
    source.write_text(NVML)
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", library, source], check=True)
    places = Places(bare.sysfs, str(library), bare.path)
    assert find_sensor("watts", places=places).read() == 71.25
    assert find_sensor("celsius", "nvml", places).read() == 58.0
    with pytest.raises(SensorError, match="no libno-such-nvml"):
        open_gpu_power(bare)


@pytest.mark.parametrize(("line", "power", "warmth"), [(XAVIER, 4.58, 41.0), (ORIN, 3.0, 48.5), (NANO, 2.518, 36.5)])
def test_lines_of_tegrastats(line: str, power: float, warmth: float) -> None:
    assert watts(line) == power
    assert celsius(line) == warmth


def test_a_line_without_power_or_without_a_rail_for_all() -> None:
    assert watts("RAM 1/2MB") is None
    assert celsius("RAM 1/2MB") is None
    assert watts("VDD_GPU_SOC 2402mW/2402mW VDD_CPU_CV 400mW/410mW") == 2.802


def test_a_running_tegrastats_is_followed_and_ended(bare: Places) -> None:
    program = write(Path(bare.path)) / "tegrastats"
    program.write_text(
        "#!/bin/sh\n"
        f'echo $$ > "{bare.path}/pid"\n'
        'echo "CPU@40C VDD_IN 1000mW/1000mW"\nsleep 0.2\n'
        'echo "CPU@41C VDD_IN 2000mW/1500mW"\nexec sleep 60\n'
    )
    program.chmod(0o755)
    sensor = find_sensor("watts", places=bare)
    until = time.monotonic() + 60
    while sensor.read() != 2.0:
        assert time.monotonic() < until
    number = (Path(bare.path) / "pid").read_text().strip()
    del sensor
    assert not Path("/proc", number).exists()


def test_a_tegrastats_that_says_nothing_is_refused(bare: Places) -> None:
    program = write(Path(bare.path)) / "tegrastats"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(SensorError, match="it prints nothing"):
        find_sensor("celsius", "tegrastats", bare)
