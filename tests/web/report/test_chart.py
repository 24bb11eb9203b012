"""Axes: round numbers that hold every value, and none of them in a corner when it is alone."""

from __future__ import annotations

import pytest

from zcc.web.report.chart import Axis


@pytest.mark.parametrize("values", [(0.152, 0.624), (3.0, 4.5, 41.0), (-0.2, 0.3), (0.8352, 0.8351)])
def test_every_value_lies_within(values: tuple[float, ...]) -> None:
    axis = Axis.around(values)
    assert all(-1e-6 <= axis.share(value) <= 1 + 1e-6 for value in values)
    assert 3 <= len(axis.ticks) <= 8
    told = [f"{tick:.{axis.digits}f}" for tick in axis.ticks]
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("value", [0.152, 0.999, 7.68, 0.0, -3.0])
def test_a_value_that_is_alone_stands_away_from_the_ends(value: float) -> None:
    axis = Axis.around([value, value])
    assert 0.2 < axis.share(value) < 0.8
    assert len(axis.ticks) >= 3


def test_zero_is_there_when_it_is_wanted() -> None:
    axis = Axis.around([7.68], zero=True)
    assert axis.share(0.0) == 0 and axis.share(7.68) > 0.5
