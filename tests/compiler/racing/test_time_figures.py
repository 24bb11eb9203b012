"""Figures of runs, against numpy and against chance itself."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from zcc.compiler.racing.time_figures import median_interval, ratio, summary


def test_a_summary_has_every_figure_of_the_field() -> None:
    seconds = np.random.default_rng(5).gamma(2, 0.004, 257)
    told = summary(seconds.tolist())
    assert told["runs"] == 257
    assert told["mean"] == pytest.approx(1e3 * statistics.mean(seconds), abs=1e-3)
    assert told["std"] == pytest.approx(1e3 * statistics.stdev(seconds), abs=1e-3)
    assert told["median"] == pytest.approx(1e3 * statistics.median(seconds), abs=1e-3)
    assert (told["min"], told["max"]) == pytest.approx((1e3 * seconds.min(), 1e3 * seconds.max()), abs=1e-3)
    assert told["median"] < told["p95"] < told["p99"] < told["max"]
    assert summary([0.002])["std"] == 0


def test_an_interval_holds_the_true_median_as_often_as_it_says() -> None:
    draw = np.random.default_rng(6)
    held = 0
    for _ in range(1000):
        low, high = median_interval(draw.exponential(1.0, 10).tolist())
        held += low <= np.log(2) <= high
    assert 950 <= held <= 995


def test_a_ratio_outlives_a_machine_that_slows_down() -> None:
    """Every round takes twice as long as the one before; the ratio is the same in each."""
    ours = [[0.01 * 2**number] * 3 for number in range(8)]
    theirs = [[1.5 * turn[0]] * 3 for turn in ours]
    told = ratio(theirs, ours)
    assert (told["ratio"], told["low"], told["high"], told["more_than_noise"]) == (1.5, 1.5, 1.5, True)
    assert not ratio(ours, ours)["more_than_noise"]
    assert not ratio(theirs[:3], ours[:3])["more_than_noise"], "three rounds tell nothing"
