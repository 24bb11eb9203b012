"""Plans survive being written and read, and what is no plan is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.runtime.executors.plans import END, LEFT, NUMBERS, RIGHT, plan
from zcc.runtime.errors import CorruptArtifact, IncompatibleHost
from zcc.runtime.executors.plan import Launch
from zcc.runtime.executors.plan_json import read_plan, write_plan


def test_a_plan_is_read_as_it_was_written() -> None:
    whole = plan()
    first = replace(whole.launches[0], arguments=(*whole.launches[0].arguments, *NUMBERS), flops=1 << 40)
    whole = replace(whole, launches=(first, LEFT, RIGHT, END))
    assert read_plan(write_plan(whole)) == whole


def test_stages_can_be_taken_alone() -> None:
    assert plan().indices_of(("network",)) == (1, 2)
    assert plan().indices_of() == (0, 1, 2, 3)
    assert plan().kernels == tuple(("module", name) for name in ("begin", "left", "right", "end"))


def spoilt(change: Callable[[Any], None]) -> str:
    raw = json.loads(write_plan(plan()))
    change(raw)
    return json.dumps(raw)


def set_first(**fields: Any) -> Callable[[Any], None]:
    return lambda raw: raw["launches"][0].update(fields)


WRONG: dict[str, Callable[[Any], None]] = {
    "a field more": lambda raw: raw.update(more=1),
    "a field less": lambda raw: raw.pop("modules"),
    "a region less": lambda raw: raw["regions"].pop("arena"),
    "a negative size": lambda raw: raw["regions"].update(arena=-1),
    "a size that is none": lambda raw: raw["regions"].update(arena=True),
    "an unknown module": set_first(module="other"),
    "an unknown stage": set_first(stage="later"),
    "an empty grid": set_first(grid=[0, 1, 1]),
    "a flat block": set_first(block=[1, 1]),
    "a wait for a later launch": set_first(after=[0]),
    "an argument of no kind": set_first(arguments=[{}]),
    "an argument of two kinds": set_first(arguments=[{"place": {}, "value": {}}]),
    "a place nowhere": set_first(arguments=[{"place": {"region": "attic", "offset": 0}}]),
    "a value too large": set_first(arguments=[{"value": {"type": "i32", "value": 1 << 31}}]),
    "a value of no number": set_first(arguments=[{"value": {"type": "f32", "value": float("nan")}}]),
    "a value that is text": set_first(arguments=[{"value": {"type": "u64", "value": "1"}}]),
    "launches that are none": lambda raw: raw.update(launches={}),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_plan_is_refused(what: str) -> None:
    with pytest.raises(CorruptArtifact, match=r"here\.json is not a launch plan"):
        read_plan(spoilt(WRONG[what]), "here.json")


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000])
def test_text_that_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(CorruptArtifact):
        read_plan(text)


def test_a_later_version_is_told_apart() -> None:
    with pytest.raises(IncompatibleHost, match="version 2"):
        read_plan(spoilt(lambda raw: raw.update(version=2, more="of it")))


def test_launches_need_no_label() -> None:
    assert Launch("network", "m", "k", (1, 1, 1), (1, 1, 1), ()).after == ()
