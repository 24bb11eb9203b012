"""A 64-bit ARM machine, emulated by qemu-user: the folder that tools/arm_machine.py lays, and zcc's own wheel."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.arm_machine import FOLDER

QEMU = "qemu-aarch64"
PATIENCE = 300.0  # seconds until a program counts as hung, on however busy a machine


@dataclass(frozen=True)
class Processor:
    """One that qemu knows, and what /proc/cpuinfo says of it."""

    name: str
    features: tuple[str, ...]


def why_not() -> str:
    """What is missing here, "" when all is there."""
    if shutil.which(QEMU) is None:
        return "qemu-user is not installed (apt-get install qemu-user)"
    return "" if FOLDER.exists() else f"{FOLDER} is not there (python tools/arm_machine.py)"


@dataclass(frozen=True)
class Machine:
    """Its root, with the files of its own."""

    root: Path
    zcc: Path  # the wheel's content
    processor: Processor

    def run(self, script: Path, *arguments: str | Path) -> None:
        """A script by the machine's own Python, which must end well."""
        python = next((FOLDER / "usr" / "bin").glob("python3.[0-9]*"))
        settings = {
            "PYTHONPATH": f"{FOLDER / 'site'}:{self.zcc}",
            "ZCC_CACHE": str(self.root / "cache"),
        }
        line = [QEMU, "-cpu", self.processor.name, "-L", str(self.root), str(python), str(script)]
        done = subprocess.run(
            [*line, *map(str, arguments)], capture_output=True, text=True, env=settings, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr


def lay(root: Path, wheel: Path, processor: Processor) -> Machine:
    """A machine with that processor, whose system is the folder's."""
    zcc = root / "zcc"
    shutil.unpack_archive(wheel, zcc, "zip")
    for place in FOLDER.iterdir():
        (root / place.name).symlink_to(place)
    (root / "proc").mkdir()
    (root / "proc" / "cpuinfo").write_text(f"processor\t: 0\nFeatures\t: {' '.join(processor.features)}\n")
    return Machine(root, zcc, processor)


def machine(processor: Processor, wheel: Path, folders: pytest.TempPathFactory) -> Machine:
    """One for the tests of a module."""
    return lay(folders.mktemp(processor.name), wheel, processor)
