"""The oracle against trying every frame in plain loops."""

from __future__ import annotations

import numpy as np

from tests.compiler.adapting.recordings import CHEAP, HIGH, make_up
from zcc.compiler.adapting.oracle import consult
from zcc.compiler.adapting.outcome import always, outcome
from zcc.compiler.quality.coco_map import mean_average_precision


def test_a_gain_is_what_a_single_frame_changes() -> None:
    made = make_up(frames=24, quiet_loss=3.0)
    oracle = consult(made.recording)
    before = mean_average_precision(made.truths, made.found[CHEAP]).map50_95
    for number in range(24):
        mixed = [made.found[HIGH if other == number else CHEAP][other] for other in range(24)]
        assert oracle.gains[number] == mean_average_precision(made.truths, mixed).map50_95 - before


def test_it_spends_time_on_frames_that_gain_alone() -> None:
    made = make_up(quiet_loss=3.0)
    oracle = consult(made.recording)
    chosen = oracle.choose()
    assert [dtype == HIGH for dtype in chosen] == (oracle.gains > 0).tolist()
    best, cheap = outcome(made.recording, chosen), always(made.recording, CHEAP)
    assert best.map50_95 > cheap.map50_95
    assert best.mean_ms < always(made.recording, HIGH).mean_ms


def test_with_less_time_it_takes_those_that_gain_most() -> None:
    made = make_up(quiet_loss=3.0)
    oracle = consult(made.recording)
    order = np.argsort(-oracle.gains, kind="stable")
    for most in (0, 1, 5):
        taken = [number for number, dtype in enumerate(oracle.choose(most)) if dtype == HIGH]
        assert taken == sorted(order[:most].tolist())
    assert oracle.choose(10**6) == oracle.choose()


def test_where_nothing_is_lost_nothing_is_spent() -> None:
    made = make_up()
    same = make_up()
    frames = tuple(
        type(frame)(frame.pixels, {CHEAP: frame.takes[HIGH], HIGH: frame.takes[HIGH]})
        for frame in same.recording.frames
    )
    assert set(consult(type(made.recording)(made.recording.dtypes, frames)).choose()) == {CHEAP}
