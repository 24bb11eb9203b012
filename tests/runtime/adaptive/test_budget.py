"""The budget policies: a step at a time, no faster than the sensor can follow."""

from __future__ import annotations

import pytest

from tests.runtime.adaptive.observations import DTYPES, observed
from zcc.runtime.adaptive import PowerBudget, ThermalBudget
from zcc.runtime.errors import UsageError


class Dial:
    """A sensor and a clock that a test turns by hand."""

    def __init__(self) -> None:
        self.reading = 0.0
        self.now = 0.0
        self.asked = 0

    def read(self) -> float:
        self.asked += 1
        return self.reading

    def clock(self) -> float:
        return self.now


def test_a_step_at_a_time_and_none_in_between() -> None:
    dial, running, chosen = Dial(), "int8", []
    policy = PowerBudget(20, dial, every=1.0, clock=dial.clock)
    for frame in range(80):
        dial.now = frame / 10
        dial.reading = 10.0 if frame < 30 else 25.0
        running = policy.choose(observed(running=running))
        chosen.append(running)
    assert chosen[:10] == ["bf16"] * 10
    assert chosen[10:30] == ["fp32"] * 20
    assert (chosen[30], chosen[39], chosen[40], chosen[79]) == ("bf16", "bf16", "int8", "int8")
    assert dial.asked == 8, "the sensor is asked once a second, not once a frame"


def test_just_below_the_limit_nothing_changes() -> None:
    dial = Dial()
    policy = ThermalBudget(80, dial, every=1, clock=dial.clock)
    for dtype in DTYPES:
        for dial.reading in (72.0, 76.0, 80.0):
            dial.now += 2
            assert policy.choose(observed(running=dtype)) == dtype


def test_a_machine_whose_power_follows_its_work_settles() -> None:
    """Each variant draws more than the one before it; the best within the budget is found and kept."""
    dial, drawn, running, chosen = Dial(), {"int8": 8.0, "bf16": 13.0, "fp32": 21.0}, "int8", []
    policy = PowerBudget(14, dial, every=1, clock=dial.clock)
    for second in range(50):
        dial.now, dial.reading = float(second), drawn[running]
        running = policy.choose(observed(running=running))
        chosen.append(running)
    assert set(chosen[1:]) == {"bf16"}


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_no_budget_is_refused(limit: float) -> None:
    with pytest.raises(UsageError, match="no budget"):
        PowerBudget(limit, Dial())
    with pytest.raises(UsageError, match="no budget"):
        ThermalBudget(limit, Dial())
