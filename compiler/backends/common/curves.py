"""Smooth activations by table, for integer networks: a parabola per segment, the same bits on every processor.

The argument in units of `step` is rounded to the nearest integer, held to -16..15: that picks the segment, and what
rounding took away is the place in it. The outermost segments are the function's asymptotes and reach on for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray

SEGMENTS = 32
LOWEST, HIGHEST = -SEGMENTS // 2, SEGMENTS // 2 - 1


@dataclass(frozen=True)
class Curve:
    """A function of one real argument, and the lines that it approaches at both ends: (slope, offset)."""

    function: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    step: float
    left: tuple[float, float]
    right: tuple[float, float]

    def table(self) -> NDArray[np.float32]:
        """Coefficients by power of the place in the segment, -1/2 to 1/2, [3, SEGMENTS]; segment -k is at 32 - k."""
        table = np.zeros((3, SEGMENTS))
        for segment in range(LOWEST + 1, HIGHEST):
            table[:, segment] = self._parabola(segment)
        for segment, (slope, offset) in ((LOWEST, self.left), (HIGHEST, self.right)):
            table[:2, segment] = slope * segment * self.step + offset, slope * self.step
        return table.astype(np.float32)

    def _parabola(self, segment: int) -> NDArray[np.float64]:
        fit = Chebyshev.interpolate(lambda place: self.function((segment + place) * self.step), 2, [-0.5, 0.5])
        return np.asarray(fit.convert(kind=Polynomial).coef)


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x)))


CURVES: dict[str, Curve] = {
    "sigmoid": Curve(_sigmoid, 0.625, (0.0, 0.0), (0.0, 1.0)),
    "tanh": Curve(np.tanh, 0.3125, (0.0, -1.0), (0.0, 1.0)),
    "silu": Curve(lambda x: x * _sigmoid(x), 0.625, (0.0, 0.0), (1.0, 0.0)),
}
