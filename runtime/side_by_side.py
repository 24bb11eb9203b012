"""Frames side by side: engines that share the cores among them, each with threads and working memory of its own."""

from __future__ import annotations

from functools import cache

from zcc.runtime import host
from zcc.runtime.engine import Engine, EngineRole, engine
from zcc.runtime.errors import UsageError


def lane(streams: int) -> Engine:
    """Where the next frame is to run, of so many side by side: where fewest are. One that is alone gets all cores."""
    if streams == 1:
        return engine()
    lanes = [engine(role) for role in _lanes(streams)]
    if not (engine().load or any(each.load for each in lanes)):
        return engine()
    return min(lanes, key=lambda each: each.load)


def check_streams(streams: int) -> int:
    """The number, refused where it is none, or where a stream would have no core."""
    if type(streams) is not int or streams < 1:
        raise UsageError(f"streams={streams!r} is not a number of streams", "give 1 or more")
    if streams > (most := host.worker_threads()):
        raise UsageError(f"streams={streams} is more than the {most} threads that frames may have", "give fewer")
    return streams


@cache
def _lanes(streams: int) -> tuple[EngineRole, ...]:
    return tuple(EngineRole(f"zcc-lane-{number + 1}-of-{streams}", streams=streams) for number in range(streams))
