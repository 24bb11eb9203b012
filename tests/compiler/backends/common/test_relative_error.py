"""Two measures of how far an output is off: by each value, and by the range of its attribute."""

from __future__ import annotations

import numpy as np
import pytest

from zcc.compiler.backends.common.relative_error import NEAR_ZERO, head_error, relative_error
from zcc.compiler.ir.heads.head import Head

OF_RANGE = 1.0
BOXES, SCORES = [[10.0, 600.0, 320.0], [640.0, 1.0, 64.0]], [[0.9, 0.0025, 0.5]]
EXPECTED = np.array([[*BOXES, *SCORES]], np.float32)  # attributes by candidates


def changed(attribute: int, candidate: int, value: float) -> np.ndarray:
    output = EXPECTED.copy()
    output[0, attribute, candidate] = value
    return output


def test_nothing_is_off() -> None:
    assert relative_error(EXPECTED, EXPECTED, 1) == relative_error(EXPECTED, EXPECTED, 1, near_zero=OF_RANGE) == 0


def test_a_score_near_zero_is_far_off_by_value_and_near_by_range() -> None:
    """The sigmoid of -6, when bfloat16 has moved its argument by 11%."""
    output = changed(2, 1, 0.005)
    assert np.isclose(relative_error(output, EXPECTED, 1), 1.0)
    assert np.isclose(relative_error(output, EXPECTED, 1, near_zero=OF_RANGE), 0.0025)


def test_ranges_are_of_the_attribute_alone() -> None:
    assert np.isclose(relative_error(changed(0, 0, 70.0), EXPECTED, 1, near_zero=OF_RANGE), 0.1)
    assert np.isclose(relative_error(changed(2, 2, 0.6), EXPECTED, 1, near_zero=OF_RANGE), 0.1)
    sideways = EXPECTED.transpose(0, 2, 1)
    assert np.isclose(relative_error(changed(2, 2, 0.6).transpose(0, 2, 1), sideways, 2, near_zero=OF_RANGE), 0.1)


def test_what_is_no_number_is_no_error_that_a_bound_allows() -> None:
    for near_zero in (NEAR_ZERO, OF_RANGE):
        assert not relative_error(changed(1, 1, np.nan), EXPECTED, 1, near_zero=near_zero) <= 1e30


def test_an_angle_near_zero_is_as_exact_as_others() -> None:
    """What comes out on both sides of zero has been summed up or taken away."""
    angles = np.array([[[-0.7, 1e-4, 2.0]]], np.float32)
    off = angles + np.float32(6e-6)
    assert relative_error(off, angles, 1) < 2e-4
    assert relative_error(np.abs(off), np.abs(angles), 1) > 2e-3, "a score has no such excuse"


def test_answers_to_queries_may_stand_in_other_places() -> None:
    rows = np.random.default_rng(3).random((1, 20, 7), np.float32)
    queries = Head("queries", "output", 20, 3, objectness=False, candidates_last=False)
    assert head_error(rows[:, ::-1], rows, queries) == pytest.approx(0, abs=1e-6)
    cells = Head("anchor-based", "output", 20, 2, objectness=True, candidates_last=False)
    assert head_error(rows[:, ::-1], rows, cells) > 0.1, "where they stand says what cells they are"
    assert np.isnan(head_error(rows * np.nan, rows, queries))
