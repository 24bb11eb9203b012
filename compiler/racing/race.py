"""The race: every contestant in a process of its own, in turns, so that what slows the machine down hits all alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from zcc.compiler.building.progress import Progress
from zcc.compiler.ir.heads.head import Head
from zcc.compiler.quality.coco_map import MeanAveragePrecision
from zcc.compiler.racing.contestant import USUAL, Floats, Pixels, RaceEntry, Thresholds
from zcc.compiler.racing.same_detections import EXACT, Agreement, AgreementTolerance, check_agreement
from zcc.compiler.racing.worker import RaceWorker, process_seconds
from zcc.runtime.manifest import InputSpec

SEED = 20242


@dataclass(frozen=True)
class Rules:
    """How the race is run."""

    rounds: int = 10  # each contestant has one turn in each
    runs: int = 10  # counted runs in a turn, at least
    seconds: float = 0.0  # that a turn's counted runs of the network, and of the frame, take at least
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
    begun = [process_seconds(worker.pid) for worker in workers]
    for number in range(rules.rounds):
        for worker, record in zip(workers, records, strict=True):
            turn = worker.turn(number * rules.runs, rules.runs, rules.seconds)
            record.network.append(turn.network)
            record.frame.append([sum(steps.values()) for steps in turn.frames])
            record.steps += turn.frames
    for worker, record, before in zip(workers, records, begun, strict=True):
        record.worked = process_seconds(worker.pid) - before
    return records
