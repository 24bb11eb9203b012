"""The whole bench of an artifact: the race first, alone or against others, then everything that surrounds it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zcc.compiler.benching import machine_state, probes
from zcc.compiler.benching.sharing import Cell, best_sharing, cells_for, surface
from zcc.compiler.building.progress import Progress
from zcc.compiler.racing.against import Lineup, race_against, race_alone
from zcc.compiler.racing.contestant import Pixels
from zcc.compiler.racing.race import Rules
from zcc.compiler.racing.result import as_document, runs
from zcc.compiler.racing.scenes import fitted
from zcc.compiler.racing.time_figures import summary, uncertainty
from zcc.compiler.racing.worker import time_steps
from zcc.runtime.manifest import Manifest

SIZES = ((480, 640), (720, 1280), (1080, 1920), (2160, 3840))  # what cameras give
STARTS = 3  # processes, each of which takes seconds; their median is told, or that of as many as there are rounds
TYPICAL = 5e-3  # seconds of a frame that the protocol's own time is held against


@dataclass(frozen=True)
class BenchPlan:
    """What is measured, and on what."""

    folder: Path
    frame: tuple[int, int]
    rules: Rules
    against: Lineup | None = None
    quick: bool = False  # the race alone
    streams: tuple[int, ...] = ()  # numbers of frames side by side to look at; one, two, four, … where none are named
    seconds: float = 0.5  # of runs for each figure beside the race, at most

    @property
    def beside(self) -> float:
        """Seconds of runs for each figure beside the race: no more than the race's own take."""
        return min(self.seconds, self.rules.rounds * self.rules.seconds)


def run_bench(plan: BenchPlan, frames: Sequence[Pixels], progress: Progress) -> dict[str, Any]:
    """Everything that was found, as `zcc bench --json` prints it and the registry keeps it."""
    cells = cells_for(Manifest.read(plan.folder), plan.streams)  # first: a mistake is told before minutes have passed
    before = machine_state.MachineReading.now()
    outcome = (
        race_alone(plan.folder, frames, plan.rules, progress)
        if plan.against is None
        else race_against(plan.against, frames, plan.rules, progress)
    )
    after = machine_state.MachineReading.now()
    ours = outcome.records[0]
    worked = sum(record.worked for record in outcome.records)
    told = machine_state.conditions(before, after, worked, ours.frame)
    frame_ms = summary(runs(ours, "frame"))
    return {
        "frame": list(plan.frame),
        "frame_ms": frame_ms,
        "network_ms": summary(runs(ours, "network")),
        "fps": round(1e3 / max(frame_ms["median"], 1e-6), 2),
        **({} if plan.quick else _surroundings(plan, cells, frames, progress)),
        "machine": machine_state.describe_machine(),
        "conditions": told,
        "overhead_us": round(1e6 * overhead(), 3),
        **(found := as_document(outcome)),
        "warnings": [*machine_state.warnings(told), *uncertain(found["ratios"], plan.rules)],
    }


def uncertain(ratios: Mapping[str, Mapping[str, Any]], rules: Rules) -> Iterator[str]:
    """A sentence where a ratio is not known as well as the rules want it."""
    worst = max((uncertainty(told) for task in ratios.values() for told in task.values()), default=0.0)
    if worst > rules.certain:
        yield f"after {rules.most_seconds:.0f} s a ratio was known to {worst:.1%} alone, not to {rules.certain:.1%}"


def overhead() -> float:
    """Seconds that the protocol adds to a frame: what it takes to time a step that does nothing, a thousand times."""
    start = time.perf_counter()
    for _ in range(1000):
        time_steps((("nothing", lambda value: value),), None)
    return (time.perf_counter() - start) / 1000


def _surroundings(
    plan: BenchPlan, cells: Sequence[Cell], frames: Sequence[Pixels], progress: Progress
) -> dict[str, Any]:
    """What a frame takes by stage, size, threads and streams; a process's start, its memory, and energy."""
    seconds, folder = plan.beside, plan.folder
    with progress.stage("stages, frame sizes, energy"):
        by_size = [_resized(frames, size) for size in SIZES]
        around = probes.apart(plan.rules.threads, probes.measure_around, folder, by_size, frames[:4], seconds)
    with progress.stage("threads, streams"):
        found = surface(folder, frames[:4], cells, seconds)
    with progress.stage("cold start, memory"):
        started = probes.cold_start(folder, plan.frame, min(STARTS, plan.rules.rounds))
    return {
        "stages_ms": around.stages,
        "frame_sizes": around.sizes,
        "surface": found,
        "best": best_sharing(found),
        **started,
        "energy": around.energy,
        **({} if around.batch is None else {"batch": around.batch}),
    }


def _resized(frames: Sequence[Pixels], size: tuple[int, int]) -> list[Pixels]:
    return [fitted(frame, size) for frame in frames[:4]]
