"""Observations as they are made up for policies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zcc.runtime.adaptive import Observed, Policy

DTYPES = ("int8", "bf16", "fp32")


def observed(**changes: Any) -> Observed:
    """An observation of an empty scene on a machine where each step of precision doubles the time."""
    usual: dict[str, Any] = {
        "dtypes": DTYPES,
        "running": "int8",
        "frames": 1,
        "edges": 0.0,
        "detections": 0,
        "score": 0.0,
        "area": 0.0,
        "p95_ms": {"int8": 10.0, "bf16": 20.0, "fp32": 40.0},
    }
    return Observed(**{**usual, **changes})


def run(policy: Policy, seen: Iterable[dict[str, Any]], running: str = "int8") -> list[str]:
    """What the policy chooses when it is shown one thing after another."""
    chosen: list[str] = []
    for number, each in enumerate(seen):
        running = policy.choose(observed(**{"running": running, "frames": number + 1, **each}))
        chosen.append(running)
    return chosen
