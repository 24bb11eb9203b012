"""What the report takes from a registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.samples import MESSAGE, fill
from zcc.registry import Registry
from zcc.runtime.errors import NotFound
from zcc.web.report.entry import Entry
from zcc.web.report.gather import Gathered, gather
from zcc.web.report.trade_off import front


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Gathered:
    """A dozen variants."""
    return gather(fill(tmp_path_factory.mktemp("gather"), 12), None)


def test_choices_are_those_of_the_figures(told: Gathered) -> None:
    fastest, accurate, within = told.choices["yolov8n"]
    assert fastest.entry == min(told.entries, key=lambda each: each.latency or 0)
    assert accurate.entry and accurate.entry.lost == 0
    near = [each for each in told.entries if each.lost is not None and each.lost <= 0.5]
    assert within.entry == min(near, key=lambda each: each.latency or 0)


def test_the_front_is_what_nothing_beats(told: Gathered) -> None:
    def beaten(one: Entry) -> bool:
        return any(
            (each.latency or 0) <= (one.latency or 0)
            and (each.accuracy or 0) >= (one.accuracy or 0)
            and (each.latency, each.accuracy) != (one.latency, one.accuracy)
            for each in told.entries
        )

    assert {each.key for each in front(told.entries)} == {each.key for each in told.entries if not beaten(each)}


def test_history_says_who_and_why(told: Gathered) -> None:
    assert told.moves[0].why == "rollback" and told.moves[0].message == "too many misses at dusk"
    assert MESSAGE in {move.message for move in told.moves}
    assert [gate.label for gate in told.gates] == ["yolov8n:production"]


def test_a_pattern_narrows_down_and_an_empty_place_is_told(tmp_path: Path) -> None:
    registry = fill(tmp_path, 10)
    assert gather(registry, "yolo*").names == ["yolov8n"]
    with pytest.raises(NotFound, match="nothing called other is in"):
        gather(registry, "other")
    with pytest.raises(NotFound, match="zcc compile publishes"):
        gather(Registry.open(tmp_path / "empty"), None)
