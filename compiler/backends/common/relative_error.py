"""How far what a network computes is from what it should compute."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEAR_ZERO = 1e-3  # of an attribute's range

Output = NDArray[np.float32]


def relative_error(actual: Output, expected: Output, attributes_axis: int) -> float:
    """The largest difference in proportion to its value.

    A value far below its attribute's range (for scores: below 1) counts against that range: two sigmoids differ in the
    seventh decimal, whatever the value.
    """
    scale = np.maximum(np.abs(expected), NEAR_ZERO * _ranges(expected, attributes_axis))
    return float(np.max(np.abs(actual - expected) / scale))


def error_of_range(actual: Output, expected: Output, attributes_axis: int) -> float:
    """The largest difference in proportion to its attribute's range: for what is computed with few digits.

    A sigmoid of -6 moves by a tenth of itself when bfloat16 moves its argument by 2%: no box depends on that.
    """
    return float(np.max(np.abs(actual - expected) / _ranges(expected, attributes_axis)))


def _ranges(expected: Output, attributes_axis: int) -> Output:
    axes = tuple(axis for axis in range(expected.ndim) if axis != attributes_axis)
    largest: Output = np.maximum(np.abs(expected).max(axis=axes, keepdims=True), 1.0)
    return largest
