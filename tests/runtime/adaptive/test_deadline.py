"""The deadline policy: as accurate as there is time for."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.runtime.adaptive.observations import run
from zcc.runtime.adaptive import Deadline
from zcc.runtime.errors import UsageError


def slowed(*factors: float) -> list[dict[str, Any]]:
    """The machine as so many times slower than usual."""
    return [{"p95_ms": {"int8": 10 * each, "bf16": 20 * each, "fp32": 40 * each}} for each in factors]


@pytest.mark.parametrize(("ms", "best"), [(5, "int8"), (15, "int8"), (25, "bf16"), (45, "fp32")])
def test_it_reaches_the_most_accurate_that_is_in_time(ms: float, best: str) -> None:
    assert run(Deadline(ms, hold=2), slowed(*[1.0] * 6))[-1] == best


def test_it_gives_way_at_once_and_comes_back_after_a_while() -> None:
    chosen = run(Deadline(45, hold=3), slowed(1, 1, 2, 2, 1, 1, 1, 1), running="fp32")
    assert chosen == ["fp32", "fp32", "bf16", "bf16", "bf16", "fp32", "fp32", "fp32"]


def test_it_comes_back_only_with_time_to_spare() -> None:
    assert set(run(Deadline(40.5, hold=1), slowed(*[1.0] * 50), running="bf16")) == {"bf16"}
    assert set(run(Deadline(40.5, margin=0.0, hold=1), slowed(*[1.0] * 50), running="bf16")[1:]) == {"fp32"}


def test_a_machine_at_the_edge_does_not_make_it_flap() -> None:
    """Around the deadline by less than the margin: down once, and no more."""
    chosen = run(Deadline(40, hold=5), slowed(*[1.0 + 0.04 * (-1) ** number for number in range(200)]), running="fp32")
    assert sum(one != other for one, other in pairwise(chosen)) <= 1
    assert chosen[-1] == "bf16"


@pytest.mark.parametrize("bad", [{"ms": 0}, {"ms": float("nan")}, {"ms": 5, "margin": 1.0}, {"ms": 5, "hold": 0}])
def test_settings_that_mean_nothing_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Deadline(**bad)
