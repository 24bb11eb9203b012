"""A machine of another architecture, emulated here by qemu-user: what was compiled for it can be run, and verified.

Its system is a folder with a Python of that architecture and what zcc's runtime needs: `make arm-machine` lays it. Its
processor has no instructions beyond those of the target, and /proc/cpuinfo says so.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import zcc.runtime
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.runtime.cache import VARIABLE, cache_folder
from zcc.runtime.errors import BuildError

PATIENCE = 900.0  # seconds until a program counts as hung, on however busy a machine
# What qemu calls a processor with a target's instructions, and as few others as it has.
PROCESSORS = {"aarch64": "cortex-a53", "aarch64-dotprod": "cortex-a76", "aarch64-i8mm": "max"}


def machine_folder(architecture: str) -> Path:
    """Where the system of an emulated machine lies."""
    return cache_folder() / "machines" / architecture


@dataclass(frozen=True)
class Emulator:
    """A target's machine."""

    target: CpuTarget

    @property
    def command(self) -> str:
        """The program that emulates it, by its name in Debian's package qemu-user."""
        return f"qemu-{self.target.arch}"

    @property
    def processor(self) -> str:
        """The processor, by qemu's name for it."""
        return PROCESSORS[self.target.name]

    @property
    def missing(self) -> str:
        """What is not here, "" when all is."""
        folder = machine_folder(self.target.arch)
        if self.target.name not in PROCESSORS:
            return f"qemu-user is not told which processor {self.target.name} means"
        if shutil.which(self.command) is None:
            return f"{self.command} is not installed (Debian's qemu-user has it)"
        return "" if folder.is_dir() else f"{folder} holds no system for {self.command} (`make arm-machine` lays one)"

    def describe(self) -> str:
        """For example `emulated by qemu-aarch64 7.2.22 as cortex-a76`."""
        told = subprocess.run([self.command, "--version"], capture_output=True, text=True, check=True).stdout.split()
        return f"emulated by {self.command} {told[told.index('version') + 1]} as {self.processor}"

    def run(self, script: Path, *arguments: str | Path, packages: Path | None = None) -> None:
        """A script by the machine's own Python, which finds zcc in `packages`, else the runtime that is running."""
        with self._root() as root:
            # The script's environment has no search path of its own.
            line = [
                shutil.which(self.command) or self.command,
                "-cpu",
                self.processor,
                "-L",
                str(root),
                str(_python(root)),
                str(script),
            ]
            places = root / "site", packages or root / "packages"
            settings = {"PYTHONPATH": ":".join(map(str, places)), VARIABLE: str(root / "cache")}
            _run([*line, *map(str, arguments)], settings)

    @contextmanager
    def _root(self) -> Iterator[Path]:
        """The system, with a /proc/cpuinfo of its own."""
        with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
            root = Path(scratch)
            for place in machine_folder(self.target.arch).iterdir():
                (root / place.name).symlink_to(place)
            (root / "proc").mkdir()
            (root / "proc" / "cpuinfo").write_text(f"Features\t: {' '.join(self.target.features)}\n")
            package = root / "packages" / "zcc"
            package.mkdir(parents=True)
            (package / "__init__.py").touch()
            (package / "runtime").symlink_to(Path(next(iter(zcc.runtime.__path__))).resolve())
            yield root


def _python(root: Path) -> Path:
    return next((root / "usr" / "bin").glob("python3.[0-9]*"))


def _run(line: Sequence[str], settings: dict[str, str]) -> None:
    # No compiled files beside the sources: they belong to this machine's Python.
    settings, name = {**settings, "PYTHONDONTWRITEBYTECODE": "1"}, Path(line[0]).name
    try:
        done = subprocess.run(line, capture_output=True, text=True, env=settings, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{name} was not done after {PATIENCE:.0f} s", "compile a smaller input size") from error
    if done.returncode:
        complaint = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise BuildError(f"{name} could not run what was built: {complaint}", "please report the model")
