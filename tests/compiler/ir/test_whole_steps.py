"""Rows that are whole multiples of something, and rows that are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zcc.compiler.ir.quantisation import quantise_weight
from zcc.compiler.ir.whole_steps import whole_steps


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-20, 1e-3, 0.7, 1e6]))
@settings(max_examples=60)
def test_bytes_come_back_exactly(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(-128, 128, (6, 5, 3, 3))
    values[:, 0, 0, 0] = rng.choice([-128, 127, 101], 6)
    scales = (scale * rng.uniform(0.5, 2, 6)).astype(np.float32)
    weight = values.astype(np.float32) * scales[:, None, None, None]
    quantised = quantise_weight(weight)
    np.testing.assert_array_equal(quantised.values, values)
    np.testing.assert_allclose(quantised.scale, scales, rtol=1e-6)


@pytest.mark.parametrize("largest", [1, 7, 64, 100])
def test_coarse_bytes_stand_for_the_same(largest: int) -> None:
    """Fewer levels than bytes have: their step may be finer, what they stand for is the same."""
    rng = np.random.default_rng(largest)
    weight = (rng.integers(-largest, largest + 1, (4, 8, 3, 3)) * np.float32(0.37)).astype(np.float32)
    quantised = quantise_weight(weight)
    np.testing.assert_allclose(quantised.dequantise(), weight, rtol=1e-6)


def test_other_weights_have_no_step() -> None:
    rows = np.random.default_rng(0).normal(0, 1, (50, 27))
    assert not whole_steps(rows, -255, 255).any()


def test_one_weight_that_is_off_is_enough() -> None:
    rows = np.random.default_rng(1).integers(-127, 128, (3, 200)) * 0.01
    rows[:, 0] = 1.27
    rows[1, -1] += 0.003
    assert (whole_steps(rows, -128, 127) > 0).tolist() == [True, False, True]


def test_what_does_not_fit_has_none() -> None:
    rows = np.array([[128.0, 3.0, 1.0], [-128.0, 3.0, 1.0], [200.0, 101.0, 1.0]])
    np.testing.assert_allclose(whole_steps(rows, -128, 127), [0, 1, 0])
    np.testing.assert_allclose(whole_steps(rows, -255, 255) > 0, True)


def test_zeros_are_multiples_of_anything() -> None:
    assert whole_steps(np.zeros((2, 4)), -128, 127).tolist() == [np.inf, np.inf]
    quantised = quantise_weight(np.zeros((2, 4, 1, 1), np.float32))
    assert not quantised.values.any() and (quantised.scale > 0).all()
