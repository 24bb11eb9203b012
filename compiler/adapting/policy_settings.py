"""The settings of each policy that are worth trying on a sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.adapting.recording import Recording
from zcc.runtime.adaptive.frame_observer import Observer
from zcc.runtime.adaptive.scene_complexity import MEASURES
from zcc.runtime.errors import UsageError

STEPS = 16  # of a threshold, from never to always
RATIOS = (1.0, 0.5)  # of the lower threshold to the upper

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Sweep:
    """How a policy's settings are gone through."""

    roles: Callable[[Sequence[str]], Arguments]  # what the variants are to it, from the cheapest to the most accurate
    starts: Callable[[Recording, Arguments], Iterable[Arguments]]  # from what is given to what the rest could be
    line: Callable[[Recording, Arguments], Iterable[Arguments]]  # from one setting to all with another threshold


def roles(policy: str, dtypes: Sequence[str]) -> Arguments:
    """The arguments of the policy that name variants."""
    return _sweep(policy).roles(dtypes)


def line(policy: str, recording: Recording, arguments: Arguments) -> list[Arguments]:
    """The settings that differ from this one in the threshold, from the cheapest to the most accurate."""
    return list(_sweep(policy).line(recording, arguments))


def candidates(policy: str, recording: Recording, given: Arguments) -> list[Arguments]:
    """Every setting that is worth trying, with what is given as it is."""
    sweep = _sweep(policy)
    return [each for start in sweep.starts(recording, given) for each in sweep.line(recording, start)]


def _sweep(policy: str) -> Sweep:
    if policy not in SWEEPS:
        raise UsageError(
            f"a replay cannot tell what the policy {policy} would do, as it follows a sensor of the running machine",
            f"replay one of {', '.join(SWEEPS)}",
        )
    return SWEEPS[policy]


def _scene_starts(recording: Recording, given: Arguments) -> Iterable[Arguments]:
    for measure in (given["measure"],) if "measure" in given else MEASURES:
        for ratio in RATIOS:
            yield {**given, "measure": measure, "high": 1.0, "low": ratio}


def _scene_line(recording: Recording, arguments: Arguments) -> Iterable[Arguments]:
    ratio = arguments["low"] / arguments["high"] if arguments["high"] > 0 else 1.0
    for high in _thresholds(_measured(recording, arguments["measure"])):
        yield {**arguments, "high": high, "low": ratio * high}


def _measured(recording: Recording, measure: str) -> NDArray[np.float64]:
    """The measure of every frame on the cheapest variant."""
    observer, cheap, values = Observer(recording.compared()), recording.dtypes[0], []
    for frame in recording.frames:
        take = frame.takes[cheap]
        observer.saw(cheap, take.found, frame.pixels, take.milliseconds)
        values.append(MEASURES[measure](observer.observed))
    return np.array(values)


def _thresholds(values: NDArray[np.float64]) -> Sequence[float]:
    """Steps between the values, each as many frames apart; the first is never reached, the last always."""
    distinct = np.unique(values)
    between = (distinct[1:] + distinct[:-1]) / 2
    # By rank among the distinct values, as by far the most frames of a quiet sequence have the same ones.
    picked = between[np.unique(np.linspace(0, len(between) - 1, STEPS - 2).astype(int))] if len(between) else between
    return [float(distinct[-1]) + 1.0, *picked[::-1].tolist(), 0.0]


def _deadline_line(recording: Recording, arguments: Arguments) -> Iterable[Arguments]:
    times = [frame.takes[dtype].milliseconds for frame in recording.frames for dtype in recording.dtypes]
    for milliseconds in np.geomspace(min(times), 1.5 * max(times), STEPS).tolist():
        yield {**arguments, "ms": milliseconds}


SWEEPS: Mapping[str, Sweep] = {
    "scene": Sweep(lambda dtypes: {"quiet": dtypes[0], "crowded": dtypes[-1]}, _scene_starts, _scene_line),
    "deadline": Sweep(lambda dtypes: {}, lambda recording, given: [given], _deadline_line),
}
