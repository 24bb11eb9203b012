"""How far what a network computes is from what it should compute."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEAR_ZERO = 1e-3  # of an attribute's range

Output = NDArray[np.float32]


def relative_error(actual: Output, expected: Output, attributes_axis: int, near_zero: float = NEAR_ZERO) -> float:
    """The largest difference in proportion to its value.

    A value far below its attribute's range (for scores: below 1) counts against that range: two sigmoids differ in the
    seventh decimal, whatever the value.
    """
    axes = tuple(axis for axis in range(expected.ndim) if axis != attributes_axis)
    ranges = np.maximum(np.abs(expected).max(axis=axes, keepdims=True), 1.0)
    scale = np.maximum(np.abs(expected), near_zero * ranges)
    return float(np.max(np.abs(actual - expected) / scale))
