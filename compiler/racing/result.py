"""A race in figures: medians, the slow tail, and zcc's lead."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from zcc.compiler.racing.race import ContestantTimes, Race

TASKS = ("network", "frame")
FASTER = "faster"  # the peer that is the fastest at the task


def as_document(race: Race) -> dict[str, Any]:
    """Everything the race showed, for JSON."""
    return {
        "threads": race.rules.threads,
        "rounds": race.rules.rounds,
        "runs_per_round": race.rules.runs,
        "conf": race.rules.thresholds.conf,
        "iou": race.rules.thresholds.iou,
        "contestants": {record.name: _figures(record) for record in race.records},
        "agreement": {agreement.peer: asdict(agreement) for agreement in race.agreements},
        "accuracy": {name: {"map50": found.map50, "map50_95": found.map50_95} for name, found in race.accuracy.items()},
        "ratios": {task: ratios(race, task) for task in TASKS} if len(race.records) > 1 else {},
    }


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(seconds)
    tail = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return {"median": round(1e3 * statistics.median(ordered), 4), "p95": round(1e3 * tail, 4)}


def runs(record: ContestantTimes, task: str) -> list[float]:
    """The seconds of every counted run of a task."""
    rounds: list[list[float]] = getattr(record, task)
    return list(chain.from_iterable(rounds))


def _figures(record: ContestantTimes) -> dict[str, Any]:
    return {
        "about": record.about,
        **{f"{task}_ms": milliseconds(runs(record, task)) for task in TASKS},
        "steps_ms": {
            name: round(1e3 * statistics.median(steps[name] for steps in record.steps), 4) for name in record.steps[0]
        },
    }


def ratios(race: Race, task: str) -> dict[str, dict[str, Any]]:
    """How many times zcc's time each other takes, and the faster of the peers: above 1, zcc leads."""
    first, *others = race.records
    found: dict[str, dict[str, Any]] = {record.name: _ratio(first, record, task) for record in others}
    peers = [record for record in others if not record.ours]
    if not peers:
        return found
    faster = min(peers, key=lambda record: statistics.median(runs(record, task)))
    return found | {FASTER: {"name": faster.name, **found[faster.name]}}


def _ratio(ours: ContestantTimes, theirs: ContestantTimes, task: str) -> dict[str, float]:
    """The ratio of the medians, and between which ratios half of the single rounds lie."""
    overall = statistics.median(runs(theirs, task)) / statistics.median(runs(ours, task))
    pairs = zip(getattr(theirs, task), getattr(ours, task), strict=True)
    rounds = sorted(statistics.median(their) / statistics.median(our) for their, our in pairs)
    quarter = len(rounds) // 4
    return {"ratio": round(overall, 4), "low": round(rounds[quarter], 4), "high": round(rounds[-1 - quarter], 4)}


def as_text(race: Race) -> str:
    """The same as a table to read."""
    document = as_document(race)
    rules = race.rules
    lines = [f"{rules.threads} threads, {rules.rounds} rounds of {rules.runs} runs, medians in ms"]
    lines.append(f"{'':14}{'network':>9}{'frame':>9}{'p95':>9}  where the frame's time goes")
    lines += [_row(name, figures) for name, figures in document["contestants"].items()]
    for task, others in document["ratios"].items():
        faster = others.pop(FASTER, {}).get("name")
        lines += [_lead(task, name, figure, name == faster) for name, figure in others.items()]
    lines += [_seen(agreement) for agreement in document["agreement"].values()]
    lines += [_accuracy(name, found) for name, found in document["accuracy"].items()]
    return "\n".join(lines)


def _row(name: str, figures: dict[str, Any]) -> str:
    network, frame = figures["network_ms"], figures["frame_ms"]
    steps = ", ".join(f"{step} {value:.2f}" for step, value in figures["steps_ms"].items())
    place = (
        steps if len(figures["steps_ms"]) > 1 else f"{frame['median'] - network['median']:+.2f} to the network alone"
    )
    return f"{name:14}{network['median']:9.2f}{frame['median']:9.2f}{frame['p95']:9.2f}  {place} ({figures['about']})"


def _lead(task: str, name: str, figure: dict[str, Any], faster: bool) -> str:
    note = ", the faster of the others" if faster else ""
    spread = f"half of the rounds {figure['low']:.3f} to {figure['high']:.3f}"
    return f"{task:8} zcc is {figure['ratio']:.3f}x as fast as {name}{note} ({spread})"


def _accuracy(name: str, found: dict[str, float]) -> str:
    figures = f"mAP50-95 {found['map50_95']:.4f}, mAP50 {found['map50']:.4f}"
    return f"{name}: {figures}, with the same steps around the network"


def _seen(agreement: dict[str, Any]) -> str:
    outputs = f"outputs {agreement['error']:.1e} apart"
    if not agreement["detections"]:
        return f"{agreement['peer']}: {outputs}; the model finds nothing in these pictures that could be compared"
    found = f"{agreement['share']:.1%} of {agreement['detections']} detections above {agreement['conf']:.2g} in common"
    return f"{agreement['peer']}: {found} with zcc; {outputs}"
