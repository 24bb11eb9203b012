"""Counts of how often which value occurs, kept so that any two can be added without loss.

Bins are a power of two wide and lie on multiples of their width. A wider bin is then exactly two narrower ones, so
histograms of different widths have a common one, and the order in which values come does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import frexp

import numpy as np
from numpy.typing import NDArray

BITS = 12  # 2**BITS bins, at least half of them in use, reach from zero to the value farthest from it
FINEST = -100  # exponent of the narrowest bin


@dataclass(frozen=True, eq=False)
class ValueHistogram:
    """How many values lie in each bin; bin i covers [first + i, first + i + 1) * 2**exponent."""

    low: float  # the least value and the greatest, exactly
    high: float
    exponent: int
    first: int
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, values: NDArray[np.float32]) -> ValueHistogram:
        """The histogram of some finite numbers, at least one."""
        low, high = float(values.min()), float(values.max())
        exponent = _exponent(max(-low, high))
        units = np.multiply(values.reshape(-1), np.float32(2.0**-exponent))
        indices = np.floor(units, out=units).astype(np.int32)
        first = int(indices.min())
        indices -= first
        return cls(low, high, exponent, first, np.bincount(indices).astype(np.int64))

    @property
    def edges(self) -> NDArray[np.float64]:
        """Where the bins begin, and where the last one ends."""
        return np.ldexp(np.arange(self.first, self.first + len(self.counts) + 1, dtype=np.float64), self.exponent)

    @property
    def centres(self) -> NDArray[np.float64]:
        """The middle of each bin."""
        return (self.edges[:-1] + self.edges[1:]) / 2

    @property
    def total(self) -> int:
        """How many values were counted."""
        return int(self.counts.sum())

    def __add__(self, other: ValueHistogram) -> ValueHistogram:
        """The histogram of both sets of values."""
        exponent = max(self.exponent, other.exponent)
        parts = [part._widened(exponent) for part in (self, other)]
        first = min(part.first for part in parts)
        counts = np.zeros(max(part.first + len(part.counts) for part in parts) - first, np.int64)
        for part in parts:
            counts[part.first - first :][: len(part.counts)] += part.counts
        low, high = min(self.low, other.low), max(self.high, other.high)
        return ValueHistogram(low, high, exponent, first, counts)

    def _widened(self, exponent: int) -> ValueHistogram:
        """The same values in bins of 2**exponent, which are no narrower."""
        indices = (self.first + np.arange(len(self.counts))) >> (exponent - self.exponent)
        first = int(indices[0])
        counts = np.zeros(int(indices[-1]) - first + 1, np.int64)
        np.add.at(counts, indices - first, self.counts)
        return replace(self, exponent=exponent, first=first, counts=counts)


def _exponent(farthest: float) -> int:
    """Of the narrowest bins that reach from zero that far."""
    return max(frexp(farthest)[1] - BITS, FINEST) if farthest else FINEST
