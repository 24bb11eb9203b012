"""Calibrators on distributions whose best range is known, or found by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from zcc.compiler.ir.quantisation import Quantisation
from zcc.compiler.precision.calibrators import CALIBRATORS
from zcc.compiler.precision.histogram import ValueHistogram

RNG = np.random.default_rng(7)
GAUSSIAN = RNG.normal(0, 1, 20_000).astype(np.float32)
HEAVY = (RNG.standard_t(2, 20_000)).astype(np.float32)
SILU = (lambda x: x / (1 + np.exp(-x)))(RNG.normal(-1, 3, 20_000)).astype(np.float32)
OUTLIER = np.append(GAUSSIAN, np.float32(500))


def loss(values: NDArray[np.float32], quantisation: Quantisation, power: int) -> float:
    return float(
        (np.abs(quantisation.dequantise(quantisation.quantise(values)).astype(np.float64) - values) ** power).mean()
    )


def chosen(method: str, values: NDArray[np.float32]) -> Quantisation:
    return Quantisation.of_range(*CALIBRATORS[method](ValueHistogram.of(values)))


@pytest.mark.parametrize("method", CALIBRATORS)
@pytest.mark.parametrize("values", [GAUSSIAN, HEAVY, SILU, OUTLIER], ids=["gaussian", "heavy", "silu", "outlier"])
def test_ranges_hold_zero_and_nothing_beyond_what_was_seen(method: str, values: NDArray[np.float32]) -> None:
    low, high = CALIBRATORS[method](ValueHistogram.of(values))
    assert values.min() <= low <= 0 <= high <= values.max()


@pytest.mark.parametrize("method", CALIBRATORS)
@pytest.mark.parametrize("value", [0.0, 3.5, -2.0, 1e-38])
def test_constant_maps(method: str, value: float) -> None:
    values = np.full(1000, value, np.float32)
    quantisation = chosen(method, values)
    np.testing.assert_allclose(quantisation.dequantise(quantisation.quantise(values)), value, rtol=1e-3, atol=1e-30)


def test_minmax_takes_everything() -> None:
    assert CALIBRATORS["minmax"](ValueHistogram.of(OUTLIER)) == (float(OUTLIER.min()), 500.0)


def test_percentile_leaves_an_outlier_out() -> None:
    many = np.random.default_rng(8).normal(0, 1, 2_000_000).astype(np.float32)
    low, high = CALIBRATORS["percentile"](ValueHistogram.of(np.append(many, np.float32(500))))
    np.testing.assert_allclose([low, high], np.quantile(many, [1e-6, 1 - 1e-6]), atol=0.2)


@pytest.mark.parametrize(("method", "power"), [("mse", 2), ("cube", 3)])
@pytest.mark.parametrize("values", [GAUSSIAN, HEAVY, SILU, OUTLIER], ids=["gaussian", "heavy", "silu", "outlier"])
def test_least_error_is_near_the_best_of_a_grid(values: NDArray[np.float32], method: str, power: int) -> None:
    parts = np.geomspace(0.003, 1, 24)
    grid = [Quantisation.of_range(values.min() * low, values.max() * high) for low in parts for high in parts]
    best = min(loss(values, quantisation, power) for quantisation in grid)
    assert loss(values, chosen(method, values), power) <= 1.05 * best


def test_entropy_cuts_heavy_tails_and_keeps_a_gaussian() -> None:
    assert chosen("entropy", HEAVY).high < 0.5 * HEAVY.max()
    assert chosen("entropy", GAUSSIAN).high > 0.6 * GAUSSIAN.max()
    assert chosen("entropy", OUTLIER).high < 50


@pytest.mark.parametrize("method", CALIBRATORS)
def test_the_order_of_values_does_not_matter(method: str) -> None:
    halves = [ValueHistogram.of(half) for half in np.split(HEAVY, 2)]
    assert CALIBRATORS[method](halves[0] + halves[1]) == CALIBRATORS[method](halves[1] + halves[0])
