"""Energy from counters of the kernel's, in a folder that stands for /sys/class/powercap."""

from __future__ import annotations

from pathlib import Path

import pytest

from zcc.compiler.benching import energy
from zcc.compiler.benching.energy import meters


def zone(folder: Path, name: str, microjoules: int) -> None:
    """A zone of RAPL's."""
    place = folder / name
    place.mkdir(parents=True)
    for file, text in (("name", name), ("energy_uj", str(microjoules)), ("max_energy_range_uj", "10000000")):
        (place / file).write_text(f"{text}\n")


def test_packages_are_read_and_their_parts_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    zone(tmp_path, "intel-rapl:0", 2_000_000)
    zone(tmp_path, "intel-rapl:0:0", 1_000_000)
    [meter] = meters("cpu")
    before = meter.read()
    assert (meter.name, before) == ("RAPL intel-rapl:0", 2.0)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("3500000")
    assert meter.since(before) == 1.5
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("500000")
    assert meter.since(before) == 8.5, "the counter began anew"


def test_a_machine_that_does_not_tell_has_no_meter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    monkeypatch.setattr(energy, "NVML", "libno-such.so")
    assert meters("cpu") == [] == meters("cuda")
