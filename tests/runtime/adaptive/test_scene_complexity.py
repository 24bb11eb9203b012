"""The scene policy: two thresholds, a least number of frames, and no flapping."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pytest

from tests.runtime.adaptive.observations import observed, run
from zcc.runtime.adaptive import SceneComplexity
from zcc.runtime.errors import UsageError


def objects(*counts: int) -> list[dict[str, Any]]:
    return [{"detections": count} for count in counts]


def test_it_switches_at_the_thresholds_and_stays_between_them() -> None:
    chosen = run(SceneComplexity(low=3, high=6, hold=1), objects(0, 5, 6, 5, 3, 2, 3, 5, 6))
    assert chosen == ["int8", "int8", "fp32", "fp32", "fp32", "int8", "int8", "int8", "fp32"]


def test_a_variant_runs_for_the_least_number_of_frames() -> None:
    chosen = run(SceneComplexity(low=5, high=5, hold=3), objects(9, 0, 0, 0, 9, 9, 9, 9))
    assert chosen == ["fp32", "fp32", "fp32", "int8", "int8", "int8", "fp32", "fp32"]


@pytest.mark.parametrize("hold", [1, 2, 7])
def test_random_scenes_obey_the_rules(hold: int) -> None:
    rng = np.random.default_rng(hold)
    counts = rng.integers(0, 10, 2000).tolist()
    chosen = run(SceneComplexity(low=3, high=7, hold=hold), objects(*counts))
    runs = [len(list(group)) for _, group in groupby(chosen)]
    assert min(runs[1:-1]) >= hold
    assert len(runs) > 20
    for before, after, count in zip(["int8", *chosen], chosen, counts, strict=False):
        assert before == after or (count >= 7 if after == "fp32" else count < 3)


def test_a_value_that_wavers_around_one_threshold_swaps_once() -> None:
    wavering = [6 + number % 2 for number in range(100)]
    chosen = run(SceneComplexity(low=4, high=7, hold=1), objects(*wavering))
    assert sum(one != other for one, other in pairwise(chosen)) == 1


@pytest.mark.parametrize(
    ("measure", "busy"),
    [
        ("objects", {"detections": 8}),
        ("edges", {"edges": 0.3}),
        ("area", {"area": 0.5}),
        ("doubt", {"detections": 4, "score": 0.3}),
    ],
)
def test_every_measure_sees_what_it_is_named_for(measure: str, busy: dict[str, Any]) -> None:
    policy = SceneComplexity(low=0.2, high=0.2, hold=1, measure=measure, quiet="bf16", crowded="fp32")
    assert policy.named == ("bf16", "fp32")
    assert run(policy, [{}, busy, {}]) == ["bf16", "fp32", "bf16"]


def test_before_the_first_frame_it_is_quiet() -> None:
    assert SceneComplexity(low=0, high=0).choose(observed(frames=0)) == "int8"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"low": 2, "high": 1}, "low is at most high"),
        ({"low": float("nan"), "high": 1}, "no thresholds"),
        ({"low": 1, "high": 1, "hold": 0}, "hold=0"),
        ({"low": 1, "high": 1, "measure": "noise"}, "objects, edges, area, doubt"),
    ],
)
def test_settings_that_mean_nothing_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        SceneComplexity(**arguments)
