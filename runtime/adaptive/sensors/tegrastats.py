"""tegrastats: what NVIDIA's Jetson boards tell of themselves, a line at a time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import weakref
from collections.abc import Callable
from typing import IO

from zcc.runtime.adaptive.sensors.sensor import Places
from zcc.runtime.errors import SensorError

INTERVAL = 500  # milliseconds between lines
PATIENCE = 10.0  # seconds for the first line
# The whole board's input, as the generations of boards call it; `4580mW/4580mW` is now and on average.
BOARD = re.compile(r"\b(?:VDD_IN|POM_5V_IN|VIN_SYS_5V0)\s+(\d+)(?:mW)?/\d+")
RAILS = re.compile(r"\b(?:VDD|VDDQ|POM|VIN)_\w+\s+(\d+)(?:mW)?/\d+")
# Sensors that are switched off read -256; that of the power chip always reads the same.
WARMTH = re.compile(r"\b(?!PMIC)\w+@(-?\d+(?:\.\d+)?)C\b")


def watts(line: str) -> float | None:
    """The board's power; where it has no rail for all, the sum of its rails."""
    board = BOARD.findall(line) or RAILS.findall(line)
    return sum(map(int, board)) / 1e3 if board else None


def celsius(line: str) -> float | None:
    """The warmest of the board's sensors."""
    return max((float(value) for value in WARMTH.findall(line)), default=None)


class Tegrastats:
    """One quantity of the last line of a running tegrastats."""

    def __init__(self, program: str, parse: Callable[[str], float | None]) -> None:
        command = [program, "--interval", str(INTERVAL)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._parse = parse
        self._last: list[str] = []
        self._begun = threading.Event()
        assert self._process.stdout is not None
        listen = (self._process.stdout, self._last, self._begun)
        threading.Thread(target=_listen, args=listen, name="zcc-tegrastats", daemon=True).start()
        weakref.finalize(self, _end, self._process, os.getpid())

    def read(self) -> float:
        """The quantity as of the last line."""
        self._begun.wait(PATIENCE)
        value = self._parse(self._last[-1]) if self._last else None
        if value is None or self._process.poll() is not None:
            told = f"its last line was {self._last[-1].strip()!r}" if self._last else "it prints nothing"
            raise SensorError(f"tegrastats does not tell: {told}", "see what tegrastats prints in a shell")
        return value


def open_board_power(places: Places) -> Tegrastats:
    """The power of the whole board."""
    return Tegrastats(_program(places), watts)


def open_board_warmth(places: Places) -> Tegrastats:
    """The warmest of the board's sensors."""
    return Tegrastats(_program(places), celsius)


def _program(places: Places) -> str:
    program = shutil.which("tegrastats", path=places.path)
    if program is None:
        raise SensorError("no tegrastats on PATH")
    return program


def _listen(lines: IO[str], last: list[str], begun: threading.Event) -> None:
    for line in lines:
        last[:] = [line]
        begun.set()
    begun.set()


def _end(process: subprocess.Popen[str], owner: int) -> None:
    if os.getpid() == owner:  # else this is a fork's child
        process.terminate()
        process.wait()
