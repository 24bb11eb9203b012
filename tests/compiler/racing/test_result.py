"""Figures of races whose times are known."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf

import numpy as np

from zcc.compiler.quality.coco_map import MeanAveragePrecision
from zcc.compiler.racing.race import ContestantTimes, Race, Rules, certain
from zcc.compiler.racing.result import as_document, as_text, ratios
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


def test_ratios_are_those_of_rounds_and_name_the_faster() -> None:
    found = ratios(RACE, "network")
    assert found["slow"] == {"ratio": 3.0, "low": 3.0, "high": 3.0, "rounds": 4, "more_than_noise": False}
    assert found["fast"]["ratio"] == 1.2, "one odd round in four does not count"
    assert (found["fast"]["low"], found["fast"]["high"]) == (1.2, 2.4)
    assert found["faster"] == {"name": "fast", **found["fast"]}


def test_our_own_variants_are_measured_against_but_are_nobodys_faster_peer() -> None:
    sibling = replace(record("zcc-fp32", [[0.005, 0.005, 0.005]] * 4, "frame"), ours=True)
    found = ratios(replace(RACE, records=[ZCC, sibling, SLOW, FAST]), "network")
    assert found["zcc-fp32"]["ratio"] == 0.5
    assert found["faster"]["name"] == "fast"
    among_ourselves = Race(Rules(), [ZCC, sibling], [])
    assert set(ratios(among_ourselves, "network")) == {"zcc-fp32"}
    assert "zcc is 0.500x as fast as zcc-fp32 (" in as_text(among_ourselves)


def test_a_race_goes_on_until_the_ratios_are_certain() -> None:
    dice = np.random.default_rng(1)
    rounds = [[0.01 * factor] for factor in dice.uniform(0.8, 1.2, 400)]
    ours, theirs = record("zcc", [[0.01]] * 400, "frame"), record("other", rounds, "frame")
    few = [replace(each, network=each.network[:8], frame=each.frame[:8]) for each in (ours, theirs)]
    assert not certain(few, 0.02)
    assert certain([ours, theirs], 0.02) and not certain([ours, theirs], 0.0001)
    assert certain([ours], 0.0001), "alone there is no ratio"
    assert certain(few, inf), "nobody wants to know"


def test_accuracy_stands_beside_speed() -> None:
    found = {"zcc": MeanAveragePrecision(0.9, 0.75, {}), "fast": MeanAveragePrecision(0.5, 0.25, {})}
    outcome = replace(RACE, accuracy=found)
    assert as_document(outcome)["accuracy"]["fast"] == {"map50": 0.5, "map50_95": 0.25}
    assert "zcc: mAP50-95 0.750, mAP50 0.900" in as_text(outcome)


def test_the_document_is_json_and_holds_every_figure() -> None:
    document = json.loads(json.dumps(as_document(RACE)))
    assert document["contestants"]["zcc"]["frame_ms"]["median"] == 20.0
    assert document["contestants"]["slow"]["steps_ms"] == {"pre": 20.0, "network": 20.0, "post": 20.0}
    assert document["agreement"]["fast"]["detections"] == 12
    assert set(document["ratios"]) == {"network", "frame"}
    assert as_document(Race(Rules(), [ZCC], []))["ratios"] == {}


def test_the_text_says_who_leads_and_what_was_compared() -> None:
    text = as_text(RACE)
    assert "a whole frame: zcc is 3.000x as fast as slow (single rounds 3.000x to 3.000x; too few" in text
    assert "the network alone: zcc is 1.200x as fast as fast, the faster of the others" in text
    assert "fast: 100.0% of 12 detections above 0.25 in common" in text
    assert "slow: outputs 1.0e-06 apart; the model finds nothing" in text
    assert "about slow; pre 20.00, network 20.00, post 20.00" in text


def test_the_text_tells_noise_from_a_lead() -> None:
    rounds = [[0.010 + 0.0001 * number] for number in range(8)]
    ours, same = record("zcc", rounds, "frame"), record("same", rounds[::-1], "frame")
    slower = record("slower", [[1.2 * turn[0]] for turn in rounds], "frame")
    text = as_text(Race(Rules(rounds=8), [ours, same, slower], []))
    assert "as fast as same, the faster of the others (0.935x to 1.070x: no more than noise)" in text
    assert "zcc is 1.200x as fast as slower (between 1.200x to 1.200x, more than noise)" in text
