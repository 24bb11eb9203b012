"""The transforms of Winograd's convolution: a tile of outputs from products, one for each of its points.

A row of outputs is a product of polynomials; the products are taken at 0, at pairs of opposite points and at infinity,
one for each value of a row that is `size` + 2 long. Along both axes that makes (size + 2)**2 products for size**2
outputs of nine taps each. Opposite points share most of their sums, and so most of their cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.winograd_weights import TAPS, taps_at

Array = NDArray[Any]


@dataclass(frozen=True)
class Transform:
    """One axis of F(size, 3), with products at 0, each point, its opposite, and infinity, in this order.

    `spread` and `gather` work on numbers, arrays and expressions alike.
    """

    points: tuple[float, ...]

    @property
    def size(self) -> int:
        """Outputs of a row."""
        return 2 * len(self.points)

    @property
    def products(self) -> int:
        """Inputs and products of a row."""
        return self.size + TAPS - 1

    def spread(self, x: Sequence[Any]) -> list[Any]:
        """The inputs of a row at each point."""
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
        pairs = list(zip(products[1:-1:2], products[2:-1:2], strict=True))
        sums = [(one + other, one - other) for one, other in pairs]
        rows = []
        for power in range(self.size):
            terms = [pair[power % 2] for pair in sums]
            rows.append(_weighted([point**power for point in self.points], terms))
        return [rows[0] + products[0], *rows[1:-1], rows[-1] + products[-1]]

    @property
    def taps(self) -> Array:
        """The matrix [products, 3] that takes a row of weights to its points, in float64."""
        return taps_at(self.points)


def _from_roots(points: Sequence[float]) -> list[float]:
    """Coefficients of the product of (z - point**2), the constant first."""
    return [float(value) for value in np.poly([point**2 for point in points])[::-1]] if points else [1.0]


def _weighted(factors: Sequence[float], values: Sequence[Any]) -> Any:
    """The sum of the values, each times its factor."""
    terms = [value if factor == 1 else value * factor for factor, value in zip(factors, values, strict=True)]
    return reduce(lambda total, term: total + term, terms)


# By outputs of a row. Points that are each other's reciprocals keep the values of a tile alike in size: with 1 and 2
# instead, four outputs lose five times as much to rounding.
TRANSFORMS = {transform.size: transform for transform in (Transform((1.0,)), Transform((0.5**0.5, 2.0**0.5)))}
