"""The race: every contestant in a process of its own, in turns, so that what slows the machine down hits all alike."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from math import inf, isinf

import numpy as np

from zcc.compiler.building.progress import Progress
from zcc.compiler.ir.heads.head import Head
from zcc.compiler.quality.coco_map import MeanAveragePrecision
from zcc.compiler.racing.contestant import USUAL, Floats, Pixels, RaceEntry, Thresholds
from zcc.compiler.racing.same_detections import EXACT, Agreement, AgreementTolerance, check_agreement
from zcc.compiler.racing.time_figures import ratio, uncertainty
from zcc.compiler.racing.worker import RaceWorker, process_seconds
from zcc.runtime.manifest import InputSpec

SEED = 20242
WARM_UP = 0.2  # seconds of runs before the first round, of which none counts
TASKS = ("network", "frame")


@dataclass(frozen=True)
class Rules:
    """How the race is run."""

    rounds: int = 10  # each contestant has one turn in each
    runs: int = 10  # counted runs in a turn, at least
    seconds: float = 0.0  # that a turn's counted runs of the network, and of the frame, take at least
    certain: float = inf  # more rounds follow until every ratio is known as well, a share of itself to either side
    most_seconds: float = 60.0  # and as long as no more than these have passed
    threads: int = 1
    thresholds: Thresholds = USUAL
    tolerance: AgreementTolerance = EXACT


@dataclass
class ContestantTimes:
    """What one contestant took, in seconds: a list of runs for each round."""

    name: str
    about: str
    network: list[list[float]] = field(default_factory=list)
    frame: list[list[float]] = field(default_factory=list)
    steps: list[dict[str, float]] = field(default_factory=list)  # of every frame
    ours: bool = False
    worked: float = 0.0  # seconds of the processor, of all threads


@dataclass(frozen=True)
class Race:
    """What came out. The first record is that of the artifact that the others are measured against."""

    rules: Rules
    records: list[ContestantTimes]
    agreements: list[Agreement]
    accuracy: Mapping[str, MeanAveragePrecision] = field(default_factory=dict)  # by the contestants' names


def race(
    entries: Sequence[RaceEntry], frames: Sequence[Pixels], head: Head | None, spec: InputSpec, rules: Rules,
    progress: Progress,
) -> Race:  # fmt: skip
    """Race the first entry against the others, once they are known to see the same in these frames.

    `head` says how to read the outputs; one contestant alone needs none.
    """
    image = np.random.default_rng(SEED).random((1, 3, spec.height, spec.width), dtype=np.float32)
    with ExitStack() as stack:
        with progress.stage("enter"):
            workers = [stack.enter_context(RaceWorker(entry, rules.threads)) for entry in entries]
        agreements: list[Agreement] = []
        if head is not None:
            with progress.stage("check that all see the same"):
                agreements = check_agreement(workers, frames, image, head, rules.thresholds, rules.tolerance)
        # A note, not a stage: a spinner that turns would run against the contestants.
        progress.note(f"{rules.rounds} rounds of {rules.runs} runs: {', '.join(entry.name for entry in entries)}")
        ours = [entry.ours for entry in entries]
        return Race(rules, _run(workers, ours, image, frames, rules), agreements)


def _run(
    workers: Sequence[RaceWorker], ours: Sequence[bool], image: Floats, frames: Sequence[Pixels], rules: Rules
) -> list[ContestantTimes]:
    records = [ContestantTimes(worker.name, worker.about, ours=own) for worker, own in zip(workers, ours, strict=True)]
    for worker in workers:
        worker.prepare(image, frames, rules.thresholds)
        worker.turn(0, rules.runs, WARM_UP)
        worker.rest()
    begun = [process_seconds(worker.pid) for worker in workers]
    end = time.monotonic() + rules.most_seconds
    for number in count():
        _run_round(list(zip(workers, records, strict=True)), number, rules)
        if number + 1 >= rules.rounds and (certain(records, rules.certain) or time.monotonic() > end):
            break
    for worker, record, before in zip(workers, records, begun, strict=True):
        record.worked = process_seconds(worker.pid) - before
    return records


def _run_round(contestants: Sequence[tuple[RaceWorker, ContestantTimes]], number: int, rules: Rules) -> None:
    """A turn for each, the other way around in every second round, so that a machine that slows down hits all alike."""
    for worker, record in contestants if number % 2 == 0 else reversed(contestants):
        turn = worker.turn(number * rules.runs, rules.runs, rules.seconds)
        worker.rest()
        record.network.append(turn.network)
        record.frame.append([sum(steps.values()) for steps in turn.frames])
        record.steps += turn.frames


def certain(records: Sequence[ContestantTimes], share: float) -> bool:
    """Whether the ratio of every other contestant to the first is known as well, for the network and for frames."""
    first, *others = records
    pairs = [(getattr(other, task), getattr(first, task)) for other in others for task in TASKS]
    return isinf(share) or all(uncertainty(ratio(*pair)) <= share for pair in pairs)
