"""A report, its rows and its picture."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree

import pytest

from tests.compiler.adapting.recordings import CHEAP, HIGH, make_up
from zcc.compiler.adapting.plot import PlotAxis, draw
from zcc.compiler.adapting.policy_settings import roles
from zcc.compiler.adapting.report import AdaptReport, report
from zcc.compiler.adapting.table import curve_rows, outcome_rows, summary

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def told() -> AdaptReport:
    return report("scene", make_up(seed=4).recording, {**roles("scene", (CHEAP, HIGH)), "low": 4, "high": 8})


def test_parts_are_between_the_two_ends(told: AdaptReport) -> None:
    assert list(told.outcomes) == ["always int8", "always fp32", "policy", "oracle"]
    assert (told.saved(told.cheap), told.lost(told.cheap)) == (1.0, 1.0)
    assert (told.saved(told.high), told.lost(told.high), told.speedup(told.high)) == (0.0, 0.0, 1.0)
    policy = told.outcomes["policy"]
    assert told.saved(policy) == pytest.approx(1 - policy.shares[HIGH], abs=0.05)
    lost = (told.high.map50_95 - policy.map50_95) / (told.high.map50_95 - told.cheap.map50_95)
    assert told.lost(policy) == lost


def test_the_document_is_json_and_complete(told: AdaptReport) -> None:
    document = json.loads(json.dumps(told.describe(), allow_nan=False))
    assert document["arguments"]["hold"] == 5, "what was not given is told, too"
    assert {"map50", "map50_95", "mean_ms", "p95_ms", "shares", "swaps"} <= document["outcomes"]["oracle"].keys()
    budgets = [each["shares"][HIGH] for each in document["oracle_curve"]]
    assert budgets == sorted(budgets)
    assert document["oracle_curve"][-1] == document["outcomes"]["oracle"]


def test_rows_are_as_long_as_their_titles(told: AdaptReport) -> None:
    for rows in (outcome_rows(told), curve_rows(told)):
        assert len({len(row) for row in rows}) == 1
    assert any("of mAP50-95 that int8 loses" in line for line in summary(told))


def test_the_picture_shows_every_point_within_its_frame(told: AdaptReport) -> None:
    root = ElementTree.fromstring(draw(told, "a < b & c"))
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    curves = [line.attrib["points"].split() for line in root.iter(f"{SVG}polyline")]
    assert [len(curve) for curve in curves] == [len(told.curve), len(told.oracle_curve)]
    marks = [(mark.attrib["cx"], mark.attrib["cy"]) for mark in root.iter(f"{SVG}circle")]
    assert len(marks) == 4
    for x, y in [*marks, *(point.split(",") for curve in curves for point in curve)]:
        assert 0 < float(x) < width
        assert 0 < float(y) < height
    texts = {text.text for text in root.iter(f"{SVG}text")}
    assert {"a < b & c", "policy", "oracle", "always int8", "always fp32"} <= texts


@pytest.mark.parametrize("values", [(3.0, 3.0), (0.0, 0.0), (-1e-9, 1e-9), (1.0, 1e6), (79.84, 83.22)])
def test_an_axis_holds_its_values_between_round_numbers(values: tuple[float, float]) -> None:
    axis = PlotAxis(values, 0.0, 100.0)
    assert 2 <= len(axis.ticks) <= 9
    assert all(-1e-6 <= axis.place(value) <= 100 + 1e-6 for value in values)
    assert all(math.isfinite(tick) for tick in axis.ticks)
