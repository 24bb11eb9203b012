"""A replay and its figures against plain loops."""

from __future__ import annotations

from statistics import mean

import numpy as np
import pytest

from tests.compiler.adapting.recordings import CHEAP, HIGH, PIXELS, make_up
from zcc.compiler.adapting.outcome import outcome
from zcc.compiler.adapting.replay import replay
from zcc.compiler.quality.coco_map import mean_average_precision
from zcc.runtime.adaptive import Observed, SceneComplexity
from zcc.runtime.errors import DatasetError, UsageError


class Coin:
    """Chooses at random, and keeps what it was told."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(3)
        self.told: list[Observed] = []

    def choose(self, observed: Observed) -> str:
        self.told.append(observed)
        return CHEAP if self._rng.random() < 0.7 else HIGH


def test_a_policy_is_told_what_its_own_choices_showed() -> None:
    made, policy = make_up(), Coin()
    chosen = replay(made.recording, policy)
    assert set(chosen) == {CHEAP, HIGH}
    assert (policy.told[0].frames, policy.told[0].detections) == (0, 0)
    for number, told in enumerate(policy.told[1:]):
        found = made.found[chosen[number]][number]
        areas = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in found.boxes.tolist())
        assert (told.frames, told.running, told.detections) == (number + 1, chosen[number], len(found))
        assert told.edges == found.edges
        assert told.area == pytest.approx(areas / PIXELS, rel=1e-5)
        assert told.score == pytest.approx(mean(found.scores.tolist()) if len(found) else 0.0, rel=1e-5)


def test_the_scene_policy_by_hand() -> None:
    made = make_up()
    chosen = replay(made.recording, SceneComplexity(low=3, high=8, hold=2))
    running, since, expected = CHEAP, 2, []
    for number in range(len(made.truths)):
        seen = len(made.truths[number - 1].boxes) if number else 0
        wanted = HIGH if seen >= 8 else CHEAP if seen < 3 else running
        if wanted != running and since >= 2:
            running, since = wanted, 0
        since += 1
        expected.append(running)
    assert chosen == expected
    assert set(chosen) == {CHEAP, HIGH}


def test_figures_are_those_of_the_chosen_frames() -> None:
    made, rng = make_up(), np.random.default_rng(1)
    chosen = [str(each) for each in rng.choice([CHEAP, HIGH], len(made.truths))]
    found = outcome(made.recording, chosen)
    mixed = [made.found[dtype][number] for number, dtype in enumerate(chosen)]
    expected = mean_average_precision(made.truths, mixed)
    times = sorted(f.takes[d].milliseconds for f, d in zip(made.recording.frames, chosen, strict=True))
    assert (found.map50, found.map50_95) == (expected.map50, expected.map50_95)
    assert found.mean_ms == pytest.approx(sum(times) / len(times))
    assert times[-6] < found.p95_ms < times[-3]
    assert found.shares == {dtype: chosen.count(dtype) / len(chosen) for dtype in (CHEAP, HIGH)}
    assert found.swaps == sum(chosen[number] != chosen[number - 1] for number in range(1, len(chosen)))


def test_what_is_not_resident_cannot_be_chosen() -> None:
    with pytest.raises(UsageError, match="chose 'bf16', which is not resident: int8, fp32"):
        replay(make_up(8).recording, SceneComplexity(1, 1, quiet="bf16"))


def test_halves() -> None:
    recording = make_up(9).recording
    first, second = recording.halves()
    assert first.frames + second.frames == recording.frames
    assert (len(first.frames), first.dtypes) == (4, recording.dtypes)
    with pytest.raises(DatasetError, match="no halves"):
        make_up(1).recording.halves()
