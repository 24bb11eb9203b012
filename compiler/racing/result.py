"""A race in figures: what each contestant takes, and zcc's lead with its uncertainty."""

from __future__ import annotations

import statistics
from dataclasses import asdict
from itertools import chain
from typing import Any

from zcc.compiler.racing.race import TASKS, ContestantTimes, Race
from zcc.compiler.racing.time_figures import FEWEST_ROUNDS, ratio, summary

FASTER = "faster"  # the peer that is the fastest at the task
WORDS = {"network": "the network alone", "frame": "a whole frame"}
NAME_WIDTH = 12


def as_document(race: Race) -> dict[str, Any]:
    """Everything the race showed, for JSON."""
    return {
        "threads": race.rules.threads,
        "rounds": len(race.records[0].frame) or race.rules.rounds,
        "runs_per_round": race.rules.runs,
        "conf": race.rules.thresholds.conf,
        "iou": race.rules.thresholds.iou,
        "contestants": {record.name: figures(record) for record in race.records},
        "agreement": {agreement.peer: asdict(agreement) for agreement in race.agreements},
        "accuracy": {name: {"map50": found.map50, "map50_95": found.map50_95} for name, found in race.accuracy.items()},
        "ratios": {task: ratios(race, task) for task in TASKS} if len(race.records) > 1 else {},
    }


def runs(record: ContestantTimes, task: str) -> list[float]:
    """The seconds of every counted run of a task."""
    rounds: list[list[float]] = getattr(record, task)
    return list(chain.from_iterable(rounds))


def figures(record: ContestantTimes) -> dict[str, Any]:
    """What a contestant takes for its tasks, and each step of a frame."""
    return {
        "about": record.about,
        **{f"{task}_ms": summary(runs(record, task)) for task in TASKS},
        "steps_ms": {
            name: round(1e3 * statistics.median(steps[name] for steps in record.steps), 4) for name in record.steps[0]
        },
    }


def ratios(race: Race, task: str) -> dict[str, dict[str, Any]]:
    """How many times zcc's time each other takes, and the faster of the peers: above 1, zcc leads."""
    first, *others = race.records
    found: dict[str, dict[str, Any]] = {
        other.name: ratio(getattr(other, task), getattr(first, task)) for other in others
    }
    peers = [record for record in others if not record.ours]
    if not peers:
        return found
    faster = min(peers, key=lambda record: statistics.median(runs(record, task)))
    return found | {FASTER: {"name": faster.name, **found[faster.name]}}


def as_text(race: Race) -> str:
    """The same as a table to read."""
    return "\n".join(text_lines(as_document(race)))


def text_lines(document: dict[str, Any]) -> list[str]:
    """A race's document as lines to read."""
    rounds, threads = document["rounds"], document["threads"]
    lines = [f"{threads} thread{'s' * (threads != 1)}, {rounds} round{'s' * (rounds != 1)} in turns, times in ms"]
    titles = (f"{title:>9}" for title in ("median", "mean", "std", "min", "max", "P95", "P99", "fps", "runs"))
    lines.append(f"{'':{NAME_WIDTH}}  {'':7}{''.join(titles)}")
    for name, told in document["contestants"].items():
        lines += [_row(name, "frame", told["frame_ms"]), _row("", "network", told["network_ms"])]
        lines.append(f"{'':{NAME_WIDTH}}  {told['about']}{_steps(told['steps_ms'])}")
    for task, others in document["ratios"].items():
        faster = others.get(FASTER, {}).get("name")
        lines += [
            _lead(task, name, told, name == faster and len(others) > 2)
            for name, told in others.items()
            if name != FASTER
        ]
    lines += [_seen(agreement) for agreement in document["agreement"].values()]
    return [*lines, *(_accuracy(name, found) for name, found in document["accuracy"].items())]


def _row(name: str, task: str, told: dict[str, Any]) -> str:
    times = "".join(f"{told[key]:9.2f}" for key in ("median", "mean", "std", "min", "max", "p95", "p99"))
    return f"{name:{NAME_WIDTH}}  {task:7}{times}{1e3 / max(told['median'], 1e-6):9.1f}{told['runs']:9d}"


def _steps(steps: dict[str, float]) -> str:
    """Where the time of a frame goes, for those that tell more than the whole."""
    return f"; {', '.join(f'{step} {value:.2f}' for step, value in steps.items())}" if len(steps) > 1 else ""


def _lead(task: str, name: str, told: dict[str, Any], faster: bool) -> str:
    note = ", the faster of the others" if faster else ""
    between = f"{told['low']:.3f}x to {told['high']:.3f}x"
    if told["rounds"] < FEWEST_ROUNDS:
        worth = f"single rounds {between}; too few to tell it from noise"
    else:
        worth = f"between {between}, more than noise" if told["more_than_noise"] else f"{between}: no more than noise"
    return f"{WORDS[task]}: zcc is {told['ratio']:.3f}x as fast as {name}{note} ({worth})"


def _accuracy(name: str, found: dict[str, float]) -> str:
    told = f"mAP50-95 {found['map50_95']:.3f}, mAP50 {found['map50']:.3f}"
    return f"{name}: {told}, with the same steps around the network"


def _seen(agreement: dict[str, Any]) -> str:
    error = agreement["error"]
    outputs = "outputs not decoded as a whole" if error is None else f"outputs {error:.1e} apart"
    if not agreement["detections"]:
        return f"{agreement['peer']}: {outputs}; the model finds nothing in these pictures that could be compared"
    found = f"{agreement['share']:.1%} of {agreement['detections']} detections above {agreement['conf']:.2g} in common"
    return f"{agreement['peer']}: {found} with zcc; {outputs}"
