"""Energy from trees of files, a library and a program, as drivers provide them."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from zcc.compiler.benching.energy import Integral, meters
from zcc.runtime.adaptive.sensors.sensor import Places
from zcc.runtime.errors import SensorError

NVML = """
static unsigned long long energy = 81000;
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) { *handle = &energy; return index; }
int nvmlDeviceGetTotalEnergyConsumption(void *card, unsigned long long *mj) { *mj = energy; energy += 2500; return 0; }
"""


@pytest.fixture
def bare(tmp_path: Path) -> Places:
    """A machine that tells nothing."""
    return Places(tmp_path / "sys", "libno-such-nvml.so.1", str(tmp_path / "bin"))


def write(folder: Path, **files: str | int) -> Path:
    """A folder of files, as the kernel shows its counters."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name).write_text(f"{value}\n")
    return folder


def zone(bare: Places, folder: str, name: str, energy: int) -> Path:
    """A zone of RAPL's, linked into the class's folder as the kernel does it."""
    real = bare.sysfs / "devices/virtual/powercap/intel-rapl" / folder
    write(real, name=name, energy_uj=energy, max_energy_range_uj=10_000_000, enabled=1)
    shown = write(bare.sysfs / "class" / "powercap") / folder
    shown.symlink_to(os.path.relpath(real, shown.parent))
    return real


def test_packages_are_read_and_their_parts_are_not(bare: Places) -> None:
    zone(bare, "intel-rapl:0:0", "core", 1_000_000)
    first = zone(bare, "intel-rapl:0", "package-0", 2_000_000)
    zone(bare, "intel-rapl:1", "package-1", 7_000_000)
    found = meters("cpu", bare)
    assert [(meter.name, meter.read()) for meter in found] == [("RAPL package-0", 2.0), ("RAPL package-1", 7.0)]
    write(first, energy_uj=3_500_000)
    assert found[0].since(2.0) == 1.5
    write(first, energy_uj=500_000)
    assert found[0].since(2.0) == 8.5, "the counter began anew"


def test_a_counter_for_the_administrator_alone_is_none(bare: Places) -> None:
    package = zone(bare, "intel-rapl:0", "package-0", 5)
    (package / "energy_uj").unlink()
    (package / "energy_uj").mkdir()  # reading fails whoever runs the tests
    assert meters("cpu", bare) == []


def test_a_card_tells_through_its_library(tmp_path: Path, bare: Places) -> None:
    source, library = tmp_path / "nvml.c", tmp_path / "libnvml-made-up.so"
    source.write_text(NVML)
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", library, source], check=True)
    [meter] = meters("cuda", Places(bare.sysfs, str(library), bare.path))
    assert (meter.name, meter.since(meter.read())) == ("NVML", 2.5)


def test_the_power_of_a_board_is_added_up(bare: Places) -> None:
    write(bare.sysfs / "class/hwmon/hwmon2", name="ina3221", power1_input=4_500_000)
    [meter] = meters("cuda", bare)
    before = meter.read()
    assert (meter.name, meter.since(before) > 0) == ("hwmon, the whole board", True)


def test_joules_are_watts_over_time() -> None:
    class Board:
        watts = 4.0

        def read(self) -> float:
            return self.watts

    now, board = [100.0], Board()
    drawn = Integral(board, lambda: now[0])
    found = []
    for seconds, board.watts in ((0.5, 4.0), (2.0, 10.0), (0.0, 99.0)):
        now[0] += seconds
        found.append(drawn.read())
    assert found == [2.0, 22.0, 22.0]


def test_what_stops_telling_watts_is_followed_no_more_and_whoever_asks_is_told() -> None:
    class Gone:
        readings = 0

        def read(self) -> float:
            self.readings += 1
            raise SensorError("its file cannot be read: No such file or directory", "choose another sensor")

    board = Gone()
    drawn = Integral(board)
    drawn.follow(threading.Event())
    assert board.readings == 1
    with pytest.raises(SensorError, match="cannot be read"):
        drawn.read()


def test_a_machine_that_does_not_tell_has_no_meter(bare: Places) -> None:
    assert meters("cpu", bare) == [] == meters("cuda", bare)
