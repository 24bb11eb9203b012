"""Figures of races whose times are known."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from zcc.compiler.quality.coco_map import MeanAveragePrecision
from zcc.compiler.racing.race import ContestantTimes, Race, Rules
from zcc.compiler.racing.result import as_document, as_text, milliseconds, ratios
from zcc.compiler.racing.same_detections import Agreement


def record(name: str, rounds: list[list[float]], *steps: str) -> ContestantTimes:
    """A contestant whose frames take twice as long as its network, in equal steps."""
    frames = [[2 * seconds for seconds in turn] for turn in rounds]
    of_steps = [{step: seconds / len(steps) for step in steps} for turn in frames for seconds in turn]
    return ContestantTimes(name, f"about {name}", rounds, frames, of_steps)


ZCC = record("zcc", [[0.010, 0.010, 0.010]] * 4, "frame")
FAST = record("fast", [[0.011, 0.012, 0.013]] * 3 + [[0.024, 0.024, 0.024]], "pre", "network", "post")
SLOW = record("slow", [[0.030, 0.030, 0.030]] * 4, "pre", "network", "post")
SEEN = [Agreement("fast", 0.25, 12, 1.0, 1e-5), Agreement("slow", 0.25, 0, 1.0, 1e-6)]
RACE = Race(Rules(rounds=4, runs=3), [ZCC, SLOW, FAST], SEEN)


def test_ratios_are_of_medians_and_name_the_faster() -> None:
    found = ratios(RACE, "network")
    assert found["slow"] == {"ratio": 3.0, "low": 3.0, "high": 3.0}
    assert found["fast"]["ratio"] == 1.25  # the median of all twelve runs, 12.5 ms, over 10 ms
    assert (found["fast"]["low"], found["fast"]["high"]) == (1.2, 1.2), "one odd round in four does not show"
    assert found["faster"] == {"name": "fast", **found["fast"]}


def test_our_own_variants_are_measured_against_but_are_nobodys_faster_peer() -> None:
    sibling = replace(record("zcc-fp32", [[0.005, 0.005, 0.005]] * 4, "frame"), ours=True)
    found = ratios(replace(RACE, records=[ZCC, sibling, SLOW, FAST]), "network")
    assert found["zcc-fp32"]["ratio"] == 0.5
    assert found["faster"]["name"] == "fast"
    among_ourselves = Race(Rules(), [ZCC, sibling], [])
    assert set(ratios(among_ourselves, "network")) == {"zcc-fp32"}
    assert "zcc is 0.500x as fast as zcc-fp32 (" in as_text(among_ourselves)


def test_accuracy_stands_beside_speed() -> None:
    found = {"zcc": MeanAveragePrecision(0.9, 0.75, {}), "fast": MeanAveragePrecision(0.5, 0.25, {})}
    outcome = replace(RACE, accuracy=found)
    assert as_document(outcome)["accuracy"]["fast"] == {"map50": 0.5, "map50_95": 0.25}
    assert "zcc: mAP50-95 0.7500, mAP50 0.9000" in as_text(outcome)


def test_milliseconds_are_the_median_and_the_slow_tail() -> None:
    assert milliseconds([0.001 * number for number in range(1, 101)]) == {"median": 50.5, "p95": 96.0}
    assert milliseconds([0.002]) == {"median": 2.0, "p95": 2.0}


def test_the_document_is_json_and_holds_every_figure() -> None:
    document = json.loads(json.dumps(as_document(RACE)))
    assert document["contestants"]["zcc"]["frame_ms"] == {"median": 20.0, "p95": 20.0}
    assert document["contestants"]["slow"]["steps_ms"] == {"pre": 20.0, "network": 20.0, "post": 20.0}
    assert document["agreement"]["fast"]["detections"] == 12
    assert set(document["ratios"]) == {"network", "frame"}
    assert as_document(Race(Rules(), [ZCC], []))["ratios"] == {}


def test_the_text_says_who_leads_and_what_was_compared() -> None:
    text = as_text(RACE)
    assert "zcc is 3.000x as fast as slow (" in text
    assert "zcc is 1.250x as fast as fast, the faster of the others" in text
    assert "fast: 100.0% of 12 detections above 0.25 in common" in text
    assert "slow: outputs 1.0e-06 apart; the model finds nothing" in text


@pytest.mark.parametrize("words", ["pre 20.00, network 20.00, post 20.00", "+10.00 to the network alone"])
def test_the_text_says_where_the_time_of_a_frame_goes(words: str) -> None:
    assert words in as_text(RACE)
