"""What launches take on the card, by its own clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import byref, c_float, c_void_p
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.executors.cuda import CudaExecutor
from zcc.runtime.executors.cuda_context import Context
from zcc.runtime.executors.cuda_graph import Arguments, Graph
from zcc.runtime.executors.plan import Launch

TIMED = 0  # CUevent_flags
WARMING = 20  # rounds that are not counted, at most
IN_A_ROW = 32  # times that a launch is repeated to be timed

Seconds = NDArray[np.float64]
Steps = Sequence[Callable[[], object]]


def replay(executor: CudaExecutor, stages: Sequence[str], times: int, together: int = 1) -> Seconds:
    """What the launches of some stages take as a graph, each of `times` measured over `together` in a row.

    They run on whatever the last frame left in memory.
    """
    executor.keep_parameters()
    graph = executor.graph(stages)
    try:
        return _replayed(executor, graph, times, together)
    finally:
        graph.destroy()


def replay_frame(executor: CudaExecutor, times: int, together: int = 1) -> Seconds:
    """What the last frame takes on the card, with the copies before and behind its launches."""
    return _replayed(executor, executor.last_slot.graph, times, together)


def _replayed(executor: CudaExecutor, graph: Graph, times: int, together: int) -> Seconds:
    card, stream = executor.context, executor.stream

    def launches() -> None:
        for _ in range(together):
            card.call("cuGraphLaunch", graph.handle, stream)

    return _measured(card, stream, [launches], times)[:, 0] / together


def profile(executor: CudaExecutor, times: int = 50) -> Seconds:
    """What each launch of the plan takes, in the plan's order: the median of several rounds.

    Of the network's launches many in a row are timed, each waiting for the one before as in the network: the way from
    the host to the card, longer than most of them take, is shared by all. Those of other stages run once a round, since
    they find another memory behind themselves.
    """
    executor.keep_parameters()
    launches = executor.program.plan.launches
    singly = [_Launching(executor, launch) for launch in launches]
    seconds = np.median(_measured(executor.context, executor.stream, singly, times), axis=0)
    for index in executor.program.plan.indices_of(("network",)):
        seconds[index] = in_a_row(executor, launches[index], times)
    return np.asarray(seconds)


def in_a_row(executor: CudaExecutor, launch: Launch, times: int) -> float:
    """What a launch takes that can be repeated, behind itself and before itself: the median of several rounds."""
    repeated = {number: replace(launch, after=(number - 1,) if number else ()) for number in range(IN_A_ROW)}
    graph = executor.graph_of(repeated)
    try:
        return float(np.median(_replayed(executor, graph, times, 1))) / IN_A_ROW
    finally:
        graph.destroy()


class _Launching:
    """One launch outside of any graph."""

    def __init__(self, executor: CudaExecutor, launch: Launch) -> None:
        self._call = executor.context.call
        self._arguments = Arguments(launch.arguments, executor.addresses)
        shape = (*launch.grid, *launch.block, launch.shared_bytes)
        self._what = (executor.handle(launch), *shape, executor.stream, self._arguments.array, None)

    def __call__(self) -> None:
        self._call("cuLaunchKernel", *self._what)


def _measured(card: Context, stream: c_void_p, steps: Steps, times: int) -> Seconds:
    """Seconds by round and step."""
    with card, _events(card, len(steps) + 1) as events:
        for _ in range(min(WARMING, times)):
            for step in steps:
                step()
        return np.array([_round(card, stream, steps, events) for _ in range(times)])


def _round(
    card: Context, stream: c_void_p, steps: Sequence[Callable[[], object]], events: list[c_void_p]
) -> list[float]:
    card.call("cuEventRecord", events[0], stream)
    for step, event in zip(steps, events[1:], strict=True):
        step()
        card.call("cuEventRecord", event, stream)
    card.call("cuStreamSynchronize", stream)
    return [_between(card, *pair) for pair in pairwise(events)]


@contextmanager
def _events(card: Context, count: int) -> Iterator[list[c_void_p]]:
    events = [c_void_p() for _ in range(count)]
    for event in events:
        card.call("cuEventCreate", byref(event), TIMED)
    try:
        yield events
    finally:
        for event in events:
            card.call("cuEventDestroy_v2", event)


def _between(card: Context, first: c_void_p, second: c_void_p) -> float:
    milliseconds = c_float()
    card.call("cuEventElapsedTime", byref(milliseconds), first, second)
    return milliseconds.value / 1000
