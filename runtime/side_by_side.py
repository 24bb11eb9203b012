"""Frames side by side: engines that share the cores among them, each with threads and working memory of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import cache

from zcc.runtime import host, numa
from zcc.runtime.engine import Engine, EngineRole, Lane, engine
from zcc.runtime.errors import UsageError

LOOK_BACK = 1.0  # seconds, and at most twice that, for which so many streams stay as callers have needed
USED = 7 / 8  # of the cores, at least, by streams that get the same number of threads each


class RecentDemand:
    """How many frames were under way at once of late: what streams are cut for where nobody says how many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._end = clock, float("-inf")
        self._before = self._most = 0  # in the stretch of time before, and in this one

    def saw(self, frames: int) -> int:
        """The most that were, now that there are so many."""
        if (now := self._clock()) >= self._end:
            self._before = self._most if now < self._end + LOOK_BACK else 0
            self._most, self._end = 0, now + LOOK_BACK
        self._most = max(self._most, frames)
        return max(self._before, self._most)


def lane(streams: int | None) -> Lane:
    """Where the next frame is to run: where fewest are. One that is alone gets all cores.

    Where it is left to us, there are as many streams as frames are under way, or were a moment ago, as far as there are
    cores for them.
    """
    whole = engine()
    if streams == 1 or (not _lanes and whole.is_idle()):
        return whole.all_cores
    under_way = whole.load + sum(each.load for each in list(_lanes.values()))
    if streams is None:
        streams = cut(_demand.saw(under_way + 1), host.worker_threads())
    if streams == 1 or not under_way:
        return whole.all_cores
    return Lane(min((_lane(*place) for place in _places(streams)), key=lambda each: each.load), streams)


def lanes(streams: int) -> list[Lane]:
    """Where frames are to run that come at once, on so many streams."""
    return [Lane(_lane(*place), streams) for place in _places(streams)]


def cut(frames: int, cores: int) -> int:
    """How many streams share so many cores best, where so many frames come at once."""
    return next(
        streams
        for streams in range(max(1, min(frames, cores)), 0, -1)
        if streams * (cores // streams) >= USED * cores or streams == 1
    )


def most_streams() -> int:
    """How many frames run side by side at most, where it is left to us."""
    cores = host.worker_threads()
    return cut(cores, cores)


def check_streams(streams: int | None) -> int | None:
    """The number, refused where it is none, or where a stream would have no core."""
    if streams is None:
        return None
    if type(streams) is not int or streams < 1:
        raise UsageError(f"streams={streams!r} is not a number of streams", "give 1 or more, or leave it out")
    if streams > (most := host.worker_threads()):
        raise UsageError(f"streams={streams} is more than the {most} threads that frames may have", "give fewer")
    return streams


_lanes: dict[EngineRole, Engine] = {}  # those that were ever needed
_demand = RecentDemand()


@cache
def _places(streams: int) -> tuple[tuple[int, frozenset[int]], ...]:
    """The numbers of the lanes, and the processors that each stays on, where nodes of memory are to be respected."""
    nodes = numa.nodes_for(streams)
    return tuple((number, nodes[number % len(nodes)] if nodes else frozenset()) for number in range(streams))


def _lane(number: int, cpus: frozenset[int]) -> Engine:
    role = _role(number, cpus)
    return _lanes.get(role) or _lanes.setdefault(role, engine(role))


@cache
def _role(number: int, cpus: frozenset[int]) -> EngineRole:
    return EngineRole(f"zcc-lane-{number + 1}", cpus=cpus)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_lanes.clear)  # its engines are others
