"""How many threads other programs leave processors for: beside neighbours that never rest, fewer are quicker.

A thread without a processor of its own is put aside in the middle of a piece, and the frame waits for it. So frames get
the processors that others do not use, looked at every second. Where others want every one, giving way gains nothing:
whatever is left, they take; then frames get all threads again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from zcc.runtime import host

STAT = Path("/proc/stat")
TICK = 0.01  # seconds, whatever the kernel's own clock is
SHORTEST = 0.5  # seconds between two looks that can be believed
FEWEST = 4  # processors; with less there is nothing to give way with
SPARE = 0.25  # of a processor, for what comes now and then: a full machine has none for it, and frames wait
LEAST_SHARE = 7 / 16  # of the threads stay, whatever others do
BEYOND = 1.0  # processors more than were left to others: then they want all
HOLD = 30  # looks for which all threads are kept then


@dataclass(frozen=True)
class Usage:
    """The processors' counters at one moment, in seconds."""

    moment: float
    busy: float  # of those that this process may use, by anybody
    own: float  # by this process

    @classmethod
    def now(cls) -> Usage:
        """Read them; where the system does not tell, nobody is busy."""
        return cls(time.monotonic(), busy_seconds(host.usable_cpus()), time.process_time())


class ProcessorsLeft:
    """Says how many threads frames get; to be asked once in a while."""

    def __init__(self, read: Callable[[], Usage] = Usage.now) -> None:
        self._read, self._last = read, read()
        self._hold = 0
        self._given = 0  # threads, since the last look

    def threads(self, most: int, processors: int) -> int:
        """How many of at most so many, on so many processors, by what others did since the last look."""
        if processors < FEWEST:
            return most
        before, now = self._last, self._read()
        if now.moment - before.moment < SHORTEST:
            return self._given or most
        self._last = now
        self._given = self._judge(most, processors, _others(before, now))
        return self._given

    def _judge(self, most: int, processors: int, others: float) -> int:
        least = max(1, int(LEAST_SHARE * most))
        if self._hold:
            self._hold -= 1
            return most
        if 0 < self._given <= least and others > processors - self._given + BEYOND:
            self._hold = HOLD
            return most
        return max(least, min(most, int(processors - others - SPARE))) if others >= 1 else most


def _others(before: Usage, after: Usage) -> float:
    """Processors that others used between two moments, on average."""
    own = after.own - before.own
    return max(0.0, after.busy - before.busy - own) / (after.moment - before.moment)


def busy_seconds(processors: Collection[int], stat: Path = STAT) -> float:
    """What these have worked since the machine started, for anybody."""
    try:
        lines = stat.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return 0.0
    ticks = 0
    for line in lines[1:]:
        name, *fields = line.split()
        if not name.startswith("cpu"):
            break
        if int(name.removeprefix("cpu")) in processors:
            user, nice, system, _idle, _waiting, irq, softirq = map(int, fields[:7])
            ticks += user + nice + system + irq + softirq
    return TICK * ticks
