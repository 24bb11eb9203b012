"""The transforms of Winograd's convolution: a tile of outputs from products, one for each of its points.

A row of outputs is a product of polynomials; the products are taken at 0, at pairs of opposite points and at infinity,
one for each value of a row that is `size` + 2 long. Along both axes that makes (size + 2)**2 products for size**2
outputs of nine taps each. Opposite points share most of their sums, and so most of their cost.

In steps of two, even inputs meet the outer taps alone, and make outputs by the same means as two taps in steps of one
would: of `size` + 1 products. Odd inputs meet the middle tap alone, each for one output. Along both axes that makes
(2 * size + 1)**2 products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.winograd_weights import STRIDES, TAPS, taps_at

Array = NDArray[Any]


@dataclass(frozen=True)
class Transform:
    """One axis, with products at 0, each point, its opposite, and infinity, in this order, then of inputs as they are.

    `spread` and `gather` work on numbers, arrays and expressions alike.
    """

    points: tuple[float, ...]
    stride: int = 1

    @property
    def at_points(self) -> int:
        """Inputs that are taken to points, and products there."""
        return 2 * len(self.points) + 2

    @property
    def size(self) -> int:
        """Outputs of a row."""
        return self.at_points - len(range(0, TAPS, self.stride)) + 1

    @property
    def products(self) -> int:
        """Inputs and products of a row."""
        return self.at_points + (self.stride - 1) * self.size

    def spread(self, x: Sequence[Any]) -> list[Any]:
        """The inputs of a row at each point, and those that are taken as they are."""
        return [*self._to_points(x[:: self.stride]), *(value for at, value in enumerate(x) if at % self.stride)]

    def _to_points(self, x: Sequence[Any]) -> list[Any]:
        even, odd = x[0::2], x[1::2]
        at_zero, at_infinity = (_weighted(_from_roots(self.points), part) for part in (even, odd))
        between = []
        for point in self.points:
            others = _from_roots([other for other in self.points if other != point])
            same, opposite = _weighted(others, even[1:]), _weighted(others, odd[:-1])
            between += [same + opposite * point, same - opposite * point]
        return [at_zero, *between, at_infinity]

    def gather(self, products: Sequence[Any]) -> list[Any]:
        """The outputs of a row from its products."""
        made, others = self._from_points(products[: self.at_points]), products[self.at_points :]
        return [value + other for value, other in zip(made, others, strict=True)] if others else made

    def _from_points(self, products: Sequence[Any]) -> list[Any]:
        pairs = list(zip(products[1:-1:2], products[2:-1:2], strict=True))
        sums = [(one + other, one - other) for one, other in pairs]
        rows = []
        for power in range(self.size):
            terms = [pair[power % 2] for pair in sums]
            rows.append(_weighted([point**power for point in self.points], terms))
        return [rows[0] + products[0], *rows[1:-1], rows[-1] + products[-1]]

    @cached_property
    def taps(self) -> Array:
        """The matrix [rows, 3] that takes a row of weights to the points, in float64.

        Each product has a row; those of inputs as they are share the last one.
        """
        return taps_at(self.points, self.stride)


def _from_roots(points: Sequence[float]) -> list[float]:
    """Coefficients of the product of (z - point**2), the constant first."""
    return [float(value) for value in np.poly([point**2 for point in points])[::-1]] if points else [1.0]


def _weighted(factors: Sequence[float], values: Sequence[Any]) -> Any:
    """The sum of the values, each times its factor."""
    terms = [value if factor == 1 else value * factor for factor, value in zip(factors, values, strict=True)]
    return reduce(lambda total, term: total + term, terms)


# Points that are each other's reciprocals keep the values of a tile alike in size: with 1 and 2 instead, four outputs
# lose five times as much to rounding.
_POINTS = (1.0,), (0.5**0.5, 2.0**0.5)
# By stride and outputs of a row.
TRANSFORMS = {
    (transform.stride, transform.size): transform
    for transform in (Transform(points, stride) for stride in STRIDES for points in _POINTS)
}
