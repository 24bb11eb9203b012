"""Bytes and what they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zcc.compiler.ir.quantisation import IMAGE, Quantisation, correct_bias, quantise_weight

finite = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False)


@given(finite, finite)
@settings(max_examples=200)
def test_zero_is_exact_and_every_byte_survives_a_round_trip(one: float, other: float) -> None:
    q = Quantisation.of_range(min(one, other), max(one, other))
    every = np.arange(256, dtype=np.uint8)
    assert 0 <= q.zero_point <= 255
    assert q.dequantise(np.uint8([q.zero_point]))[0] == 0
    np.testing.assert_array_equal(q.quantise(q.dequantise(every)), every)


@given(finite, finite, st.integers(0, 2**32 - 1))
@settings(max_examples=100)
def test_values_within_the_range_are_off_by_half_a_step_at_most(one: float, other: float, seed: int) -> None:
    low, high = min(one, other, 0.0), max(one, other, 0.0)
    q = Quantisation.of_range(low, high)
    values = np.random.default_rng(seed).uniform(low, high, 1000).astype(np.float32)
    # Shifting the range so that zero has a byte may cost the ends another half step.
    off = np.abs(q.dequantise(q.quantise(values)).astype(np.float64) - values)
    inside = (values >= q.low) & (values <= q.high)
    assert off[inside].max(initial=0) <= q.scale * 0.5001
    assert off.max() <= q.scale * 1.0001


def test_bytes_equal_plain_loops() -> None:
    q = Quantisation.of_range(-0.278, 17.3)
    values = np.random.default_rng(0).normal(3, 8, 2000).astype(np.float32)
    reciprocal = np.float32(1) / np.float32(q.scale)
    expected = [min(max(round(float(value * reciprocal)) + q.zero_point, 0), 255) for value in values]
    np.testing.assert_array_equal(q.quantise(values), expected)


@pytest.mark.parametrize("value", [1e38, -1e38, np.inf, -np.inf])
def test_what_lies_beyond_the_range_is_held_to_its_ends(value: float) -> None:
    q = Quantisation.of_range(-1, 3)
    assert q.quantise(np.float32([value]))[0] == (255 if value > 0 else 0)


def test_a_map_of_zeros_has_a_scale() -> None:
    q = Quantisation.of_range(0.0, 0.0)
    assert q.scale > 0 and np.isfinite(q.factor)
    assert q.dequantise(q.quantise(np.zeros(3, np.float32))).tolist() == [0, 0, 0]


def test_pictures_are_bytes_already() -> None:
    grey = np.arange(256, dtype=np.float32) * np.float32(1 / 255)
    np.testing.assert_array_equal(IMAGE.quantise(grey), np.arange(256))
    assert Quantisation.of_range(0, 1) == IMAGE


@pytest.mark.parametrize("shape", [(8, 5, 3, 3), (3, 16, 1, 1), (6, 1, 3, 3), (1, 1, 1, 1)])
def test_weights_are_close_and_never_minus_128(shape: tuple[int, ...]) -> None:
    weight = np.random.default_rng(1).normal(0, 0.1, shape).astype(np.float32)
    weight[0] *= 1000
    quantised = quantise_weight(weight)
    assert quantised.values.min() >= -127
    largest = np.abs(weight).reshape(len(weight), -1).max(1)
    plain = np.rint(weight * (127 / largest)[:, None, None, None]) * (largest / 127)[:, None, None, None]
    # No channel loses more than it would at the scale of its largest weight.
    lost, lost_plainly = (np.square(w - weight).sum((1, 2, 3)) for w in (quantised.dequantise(), plain))
    assert (lost <= lost_plainly * 1.001 + 1e-12).all()


def test_channels_of_zeros_and_of_giants() -> None:
    weight = np.zeros((3, 2, 1, 1), np.float32)
    weight[1] = 1e-42
    weight[2] = 3e38
    quantised = quantise_weight(weight)
    assert np.isfinite(quantised.scale).all() and (quantised.scale > 0).all()
    assert quantised.values[0].tolist() == [[[0]], [[0]]]
    np.testing.assert_allclose(quantised.dequantise()[2], 3e38, rtol=1e-2)


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_corrected_bias_restores_the_mean_of_each_output(groups: int) -> None:
    rng = np.random.default_rng(groups)
    means = rng.normal(2, 1, 6)
    weight = rng.normal(0, 0.1, (12, 6 // groups, 3, 3)).astype(np.float32)
    bias, quantised = rng.normal(0, 1, 12).astype(np.float32), quantise_weight(weight)
    corrected = correct_bias(bias, weight, quantised, means)
    for out in range(12):
        begin = out // (12 // groups) * (6 // groups)
        seen = means[begin : begin + 6 // groups, None, None]
        expected = (weight[out] * seen).sum() + bias[out]
        assert (quantised.dequantise()[out] * seen).sum() + corrected[out] == pytest.approx(expected, abs=1e-5)
