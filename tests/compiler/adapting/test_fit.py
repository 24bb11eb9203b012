"""A fitted policy keeps to its bar on the frames it was fitted on, and finds what was built into a sequence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.compiler.adapting.recordings import CHEAP, HIGH, make_up
from zcc.compiler.adapting.fit import attempt, fit
from zcc.compiler.adapting.outcome import always
from zcc.compiler.adapting.policy_settings import candidates, line, roles
from zcc.compiler.adapting.recording import Recording
from zcc.runtime.adaptive.scene_complexity import MEASURES
from zcc.runtime.errors import UsageError

ROLES = roles("scene", (CHEAP, HIGH))


def test_thresholds_from_one_half_hold_on_the_other() -> None:
    first, second = make_up(frames=240, seed=5).recording.halves()
    fitted = fit("scene", first, {**ROLES, "hold": 2}, lose=1 / 3)
    [there] = attempt("scene", second, [fitted.arguments])
    cheap, high = always(second, CHEAP), always(second, HIGH)
    assert high.map50_95 - cheap.map50_95 > 0.1
    assert (high.map50_95 - there.outcome.map50_95) / (high.map50_95 - cheap.map50_95) < 0.4
    assert there.outcome.mean_ms < 0.6 * high.mean_ms
    assert there.outcome.swaps == 2


@pytest.mark.parametrize("lose", [0.1, 1 / 3, 0.8])
def test_it_is_the_quickest_of_those_that_keep_to_the_part(lose: float) -> None:
    recording = make_up(frames=100, seed=2, quiet_loss=1.0).recording
    fitted = fit("scene", recording, ROLES, lose)
    cheap, high = always(recording, CHEAP).map50_95, always(recording, HIGH).map50_95
    least = high - lose * (high - cheap)
    assert fitted.outcome.map50_95 >= least
    tried = attempt("scene", recording, candidates("scene", recording, ROLES))
    quickest = min(each.outcome.mean_ms for each in tried if each.outcome.map50_95 >= least)
    assert quickest <= fitted.outcome.mean_ms <= 1.05 * quickest


def test_a_cheap_variant_that_loses_nothing_runs_always() -> None:
    made = make_up().recording
    frames = tuple(
        replace(frame, takes={CHEAP: replace(frame.takes[HIGH], milliseconds=4.0), HIGH: frame.takes[HIGH]})
        for frame in made.frames
    )
    fitted = fit("scene", Recording(made.dtypes, frames), ROLES, lose=0.0)
    assert fitted.outcome.shares == {CHEAP: 1.0, HIGH: 0.0}


def test_a_line_goes_from_never_to_always() -> None:
    recording = make_up().recording
    for measure in MEASURES:
        settings = line("scene", recording, {**ROLES, "measure": measure, "low": 2.0, "high": 4.0})
        assert all(each["low"] == each["high"] / 2 for each in settings)
        tried = attempt("scene", recording, settings)
        assert tried[0].outcome.shares[HIGH] == 0
        assert tried[-1].outcome.shares[HIGH] > 0.9
        assert [each["high"] for each in settings] == sorted((each["high"] for each in settings), reverse=True)


def test_what_is_given_stays() -> None:
    recording = make_up(20).recording
    for each in candidates("scene", recording, {**ROLES, "measure": "area", "hold": 9}):
        assert (each["measure"], each["hold"], each["quiet"], each["crowded"]) == ("area", 9, CHEAP, HIGH)


def test_deadlines_between_never_and_always() -> None:
    recording = make_up().recording
    tried = attempt("deadline", recording, candidates("deadline", recording, {"hold": 1}))
    assert tried[0].outcome.shares[CHEAP] == 1
    assert tried[-1].outcome.shares[HIGH] > 0.9


def test_budgets_cannot_be_replayed() -> None:
    with pytest.raises(UsageError, match=r"policy power .* follows a sensor .*; replay one of scene, deadline"):
        fit("power", make_up(8).recording, {"watts": 5}, 0.5)


def test_settings_that_no_policy_has_are_refused() -> None:
    with pytest.raises(UsageError, match=r"scene cannot be made: .*depth"):
        fit("scene", make_up(8).recording, {**ROLES, "depth": 2}, 0.5)
