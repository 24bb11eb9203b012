"""Contestants of every character, for the processes that tests start."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np

from zcc.compiler.racing.contestant import Floats, FoundBoxes, Pixels, RaceEntry, Step, Thresholds
from zcc.runtime.errors import IncompatibleHost


@dataclass
class Sleeper:
    """Takes as long as it is told, finds one box, and talks."""

    threads: int
    about: str = "sleeps"
    seconds: float = 0.002

    def network(self, image: Floats) -> Floats:
        os.write(1, b"native noise\n")
        time.sleep(self.seconds)
        return image * 2

    def steps(self, thresholds: Thresholds) -> tuple[Step, ...]:
        def look(frame: Pixels) -> float:
            time.sleep(self.seconds)
            return float(frame.mean())

        def tell(mean: float) -> FoundBoxes:
            box = np.array([[0, 0, mean, self.threads]], np.float32)
            return FoundBoxes(box, np.array([thresholds.conf], np.float32), np.array([1], np.int32))

        return ("look", look), ("tell", tell)


@dataclass
class Undecoded(Sleeper):
    """Has no output but what it finds, as on a card; its network knows its own time."""

    def network(self, image: Floats) -> None:  # type: ignore[override]
        return None

    def network_seconds(self, image: Floats) -> float:
        return self.seconds


@dataclass
class Broken(Sleeper):
    """Ends badly as soon as it is used, in one of several ways."""

    about: str = "raise"

    def network(self, image: Floats) -> Floats:
        endings = {"raise": self._fail, "refuse": self._refuse, "exit": lambda: os._exit(3)}
        endings[self.about]()
        return image

    def _fail(self) -> None:
        raise ZeroDivisionError("Exception from where/it/was.cpp:5:\n what is wrong\nsecond line")

    def _refuse(self) -> None:
        raise IncompatibleHost("not here", "elsewhere")


def sleep(threads: int) -> Sleeper:
    return Sleeper(threads)


def find_undecoded(threads: int) -> Undecoded:
    return Undecoded(threads)


def fail(threads: int) -> Broken:
    return Broken(threads)


def refuse(threads: int) -> Broken:
    return Broken(threads, "refuse")


def leave(threads: int) -> Broken:
    return Broken(threads, "exit")


def never_enter(threads: int) -> Sleeper:
    raise ImportError("no such library")


SLEEPER = RaceEntry("sleeper", sleep)
UNDECODED = RaceEntry("undecoded", find_undecoded)
