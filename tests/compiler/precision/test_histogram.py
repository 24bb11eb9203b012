"""Histograms that add up whatever their widths."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from zcc.compiler.precision.histogram import BITS, ValueHistogram

magnitudes = st.floats(2.0**-60, 2.0**40, width=32)
values = st.lists(st.one_of(st.just(0.0), magnitudes, magnitudes.map(lambda x: -x)), min_size=1, max_size=30)


def same(one: ValueHistogram, other: ValueHistogram) -> bool:
    keys = (one.low, one.high, one.exponent, one.first) == (other.low, other.high, other.exponent, other.first)
    return keys and np.array_equal(one.counts, other.counts)


@given(values)
@settings(max_examples=100)
def test_every_value_lies_in_its_bin(numbers: list[float]) -> None:
    histogram = ValueHistogram.of(np.array(numbers, np.float32))
    expected, _ = np.histogram(np.array(numbers, np.float32).astype(np.float64), histogram.edges)
    # numpy counts a value at the very end of the last bin into it; ours begins another one there.
    np.testing.assert_array_equal(histogram.counts, expected)
    assert (histogram.low, histogram.high) == (np.float32(min(numbers)), np.float32(max(numbers)))
    assert len(histogram.counts) <= 2 ** (BITS + 1) + 1


@given(values, values, values)
@settings(max_examples=100)
def test_sums_do_not_depend_on_order(a: list[float], b: list[float], c: list[float]) -> None:
    histograms = [ValueHistogram.of(np.array(part, np.float32)) for part in (a, b, c)]
    whole = ValueHistogram.of(np.array([*a, *b, *c], np.float32))
    for one, two, three in permutations(histograms):
        assert same(one + two + three, whole)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 1e-40, 3e38, -3e38, 0.278])
def test_one_value(value: float) -> None:
    histogram = ValueHistogram.of(np.full(7, value, np.float32))
    assert histogram.total == 7 and len(histogram.counts) == 1
    assert histogram.edges[0] <= np.float32(value) < histogram.edges[1]


def test_bins_are_narrow_beside_the_range() -> None:
    samples: NDArray[np.float32] = np.random.default_rng(0).normal(0, 1, 10000).astype(np.float32)
    histogram = ValueHistogram.of(samples)
    assert np.diff(histogram.edges).max() <= np.abs(samples).max() / 2 ** (BITS - 1)
