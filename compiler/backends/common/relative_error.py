"""How far what a network computes is from what it should compute."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.heads.table import family_of

NEAR_ZERO = 1e-3  # of an attribute's range
SUM_NEAR_ZERO = 0.03  # of one that comes out on both sides of zero: there, what it is a sum of is larger than it is

Output = NDArray[np.float32]


def relative_error(actual: Output, expected: Output, attributes_axis: int, near_zero: float = NEAR_ZERO) -> float:
    """The largest difference in proportion to its value.

    A value far below its attribute's range (for scores: below 1) counts against that range: two sigmoids differ in the
    seventh decimal, whatever the value. Places, angles and coefficients are as exact as what they are sums of.
    """
    axes = tuple(axis for axis in range(expected.ndim) if axis != attributes_axis)
    ranges = np.maximum(np.abs(expected).max(axis=axes, keepdims=True), 1.0)
    signed = expected.min(axis=axes, keepdims=True) < 0
    floors = np.where(signed, max(near_zero, SUM_NEAR_ZERO), near_zero)
    scale = np.maximum(np.abs(expected), floors * ranges)
    return float(np.max(np.abs(actual - expected) / scale))


def head_error(actual: Output, expected: Output, head: Head, near_zero: float = NEAR_ZERO) -> float:
    """The relative error of a head's decoded output; answers to queries may stand in other places."""
    if not head.bare and family_of(head).queries and np.isfinite(actual).all():
        actual = in_order_of(expected, actual)
    return relative_error(actual, expected, 1 if head.candidates_last else 2, near_zero)


def in_order_of(expected: Output, actual: Output) -> Output:
    """The rows of `actual`, each in the place of the expected row that is nearest to it.

    Queries are chosen among thousands of cells by their scores, and those that differ in the last digit change places.
    """
    scale = np.maximum(np.abs(expected).max(axis=(0, 1)), 1.0)
    left, found = actual[0] / scale, np.empty_like(actual)
    for place, row in enumerate(expected[0] / scale):
        nearest = int(np.abs(left - row).max(axis=1).argmin())
        found[0, place] = left[nearest] * scale
        left = np.delete(left, nearest, axis=0)
    return found
