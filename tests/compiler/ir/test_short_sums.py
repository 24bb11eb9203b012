"""Weights whose sums stay within 16 bits, whatever the bytes they are multiplied by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zcc.compiler.ir.quantisation import quantise_weight
from zcc.compiler.ir.short_sums import fit, in_sums, out_of_sums, rounded_to_fit

WORDS = (1, 2, 4)
SHAPES = [(8, 48, 3, 3), (3, 19, 1, 1), (5, 3, 6, 6), (1, 1, 1, 1)]


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_of_neighbouring_pairs_and_come_back(words: int, shape: tuple[int, ...]) -> None:
    weight = np.random.default_rng(0).integers(-128, 128, shape)
    sums = in_sums(weight, words)
    assert sums.shape[-1] == 2 * words
    np.testing.assert_array_equal(out_of_sums(sums, words, shape), weight)


def test_the_first_sum_has_the_first_pair_of_each_word() -> None:
    channels = np.arange(16).reshape(1, 16, 1, 1)
    assert in_sums(channels, 2).tolist() == [[[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]]


@given(st.integers(0, 2**32 - 1), st.sampled_from(WORDS), st.floats(1, 200))
@settings(max_examples=100)
def test_whatever_the_numbers_their_sums_fit(seed: int, words: int, spread: float) -> None:
    sums = np.clip(np.random.default_rng(seed).normal(0, spread, (4, 50, 2 * words)), -127, 127)
    whole = rounded_to_fit(sums)
    assert fit(whole) and (whole == np.rint(whole)).all()
    assert (np.abs(whole) <= np.rint(np.abs(sums))).all(), "nothing grows"
    # No sum of 16 bits is beyond them at its worst: 255 where the weights are of one sign, 0 elsewhere.
    worst = 255 * np.stack([np.maximum(whole, 0).sum(-1), np.minimum(whole, 0).sum(-1)])
    assert worst.min() >= -(2**15) and worst.max() < 2**15


def test_numbers_that_fit_are_rounded_and_no_more() -> None:
    sums = np.random.default_rng(2).uniform(-30, 30, (3, 20, 4))
    np.testing.assert_array_equal(rounded_to_fit(sums), np.rint(sums))


def test_too_large_sums_lose_as_little_as_they_must() -> None:
    assert rounded_to_fit(np.array([[[100.0, 60.0]]])).tolist() == [[[84, 44]]]
    assert rounded_to_fit(np.array([[[127.0, 3.0]]])).tolist() == [[[126, 2]]]
    assert rounded_to_fit(np.array([[[127.0, -127.0]]])).tolist() == [[[127, -127]]]


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_quantised_weights_fit_and_stay_near(words: int, shape: tuple[int, ...]) -> None:
    weight = np.random.default_rng(3).normal(0, 0.1, shape).astype(np.float32)
    quantised = quantise_weight(weight, words=words)
    assert fit(in_sums(quantised.values, words))
    error = np.square(quantised.dequantise() - weight).sum() / np.square(weight).sum()
    assert error < {1: 2e-4, 2: 4e-4, 4: 8e-4}[words]


def test_weights_that_are_bytes_already_stay_these_bytes() -> None:
    values = np.random.default_rng(4).integers(-127, 128, (6, 16, 3, 3))
    values[:, 0] = 127
    quantised = quantise_weight((values * np.float32(0.25)).astype(np.float32), words=4)
    np.testing.assert_array_equal(quantised.values, values)
