"""Smooth activations by table, for integer networks: a cubic per segment, the same bits on every processor.

A function is what it does far from zero, a line or a constant, and a part that depends on how far from zero the
argument is. That distance in units of `step`, held to 7, is rounded to the nearest integer, which picks the segment;
its cubic is one of the distance itself. In the last segment the part is constant and reaches on for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray

SEGMENTS = 8  # as many as the smallest register that can be permuted has lanes
POWERS = 4  # of a cubic, the zeroth among them
ROWS = POWERS + 1  # the last row holds what the line is


@dataclass(frozen=True)
class Curve:
    """A function of one real argument: slope * max(x, 0) + offset + part(|x|), the part with the sign of x if `odd`."""

    function: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    step: float
    slope: float
    offset: float
    limit: float  # what the part comes to far from zero
    odd: bool

    def table(self) -> NDArray[np.float32]:
        """By power of the distance, the coefficients of the part; below them what a step adds above zero, the offset,
        and 1 where the part has the sign of x: [ROWS, SEGMENTS].
        """
        return self._fitted().copy()

    @cache  # noqa: B019 - there are three curves
    def _fitted(self) -> NDArray[np.float32]:
        table = np.zeros((ROWS, SEGMENTS))
        for segment in range(SEGMENTS - 1):
            table[:POWERS, segment] = self._cubic(segment)
        table[0, -1] = self.limit
        table[POWERS, :3] = self.slope * self.step, self.offset, self.odd
        return table.astype(np.float32)

    def _cubic(self, segment: int) -> NDArray[np.float64]:
        domain = [max(segment - 0.5, 0.0), segment + 0.5]
        fit = Chebyshev.interpolate(lambda distance: self._part(distance * self.step), POWERS - 1, domain)
        return np.asarray(fit.convert(kind=Polynomial).coef)

    def _part(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.function(distance) - self.slope * distance - self.offset


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x)))


# Steps chosen by hand, so that seven reach where the part is nearly constant. How near the cubics come to the functions
# is measured by tests/compiler/backends/common/test_curves.py.
CURVES: dict[str, Curve] = {
    "sigmoid": Curve(_sigmoid, 1.4, slope=0.0, offset=0.5, limit=0.5, odd=True),
    "tanh": Curve(np.tanh, 0.7, slope=0.0, offset=0.0, limit=1.0, odd=True),
    "silu": Curve(lambda x: x * _sigmoid(x), 1.4, slope=1.0, offset=0.0, limit=0.0, odd=False),
}
