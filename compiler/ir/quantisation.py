"""What an integer stands for: bytes of activations, signed bytes of weights, and what rounding does to a bias.

    activation = (byte - zero point) * scale             one scale per map, 0.0 exactly representable
    weight     = signed byte * scale of its output channel

The arithmetic is that of the kernels: float32, the reciprocal of the scale, ties to even.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.ir.short_sums import in_sums, out_of_sums, rounded_to_fit
from zcc.compiler.ir.whole_steps import whole_steps

LEVELS = 255
WEIGHT_LIMIT = 127
SMALLEST_SCALE = 2.0**-100  # its reciprocal, and products of two such, are still normal floats
# Parts of the largest weight at which the others are tried to be cut.
CUTS = np.linspace(1.0, 0.7, 13)
# The same where the largest weight may be too much beside its neighbours.
ROOMY_CUTS = np.geomspace(0.75, 4.0, 14)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Quantisation:
    """The real numbers that the bytes of a map stand for."""

    scale: float  # a float32
    zero_point: int  # the byte that stands for 0.0

    @classmethod
    def of_range(cls, low: float, high: float) -> Quantisation:
        """The finest bytes that reach from `low` to `high`, and to 0.0 where the range does not."""
        low, high = min(low, 0.0), max(high, 0.0)
        scale = float(np.float32(max((high - low) / LEVELS, SMALLEST_SCALE)))
        return cls(scale, int(np.clip(np.rint(-low / scale), 0, LEVELS)))

    @property
    def factor(self) -> np.float32:
        """What a real number is multiplied by on its way to a byte."""
        return np.float32(1) / np.float32(self.scale)

    @property
    def low(self) -> float:
        """The least number that has a byte."""
        return -self.zero_point * self.scale

    @property
    def high(self) -> float:
        """The greatest number that has a byte."""
        return (LEVELS - self.zero_point) * self.scale

    def quantise(self, values: Floats) -> NDArray[np.uint8]:
        """The nearest byte of each number, the outermost ones for those beyond the range."""
        # Cut before the zero point is added, so that no number is too large for what follows.
        with np.errstate(over="ignore"):
            units = np.clip(np.rint(values * self.factor), -self.zero_point, LEVELS - self.zero_point)
        return (units + np.float32(self.zero_point)).astype(np.uint8)

    def dequantise(self, values: NDArray[np.uint8]) -> Floats:
        """The numbers that the bytes stand for."""
        return (values.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)


# The picture itself is bytes.
IMAGE = Quantisation(float(np.float32(1 / LEVELS)), 0)


@dataclass(frozen=True)
class QuantisedWeight:
    """A convolution's weight as signed bytes, and what one unit of each output channel stands for."""

    values: NDArray[np.int8]  # (O, I / groups, KH, KW); -128 only where the model came with such bytes
    scale: Floats  # (O,)

    def dequantise(self) -> Floats:
        """The weight that the bytes stand for."""
        return self.values.astype(np.float32) * self.scale[:, None, None, None]


def quantise_weight(weight: Floats, finest: NDArray[Any] | float = 0.0, words: int = 0) -> QuantisedWeight:
    """Each output channel at the scale that loses least, among those that cut none or a few of its largest weights.

    With `words`, the products of the bytes of so many words can be added in 16 bits (ir/short_sums.py).
    Weights that are bytes already, times a step of their own, stay these bytes. No scale is smaller than its
    channel's `finest`.
    """
    sums = in_sums(weight.astype(np.float64), max(words, 1))
    rows = sums.reshape(len(weight), -1)
    largest = np.abs(rows).max(axis=1)
    best, least = largest, np.full(len(rows), np.inf)
    for cut in ROOMY_CUTS if words else CUTS:
        scale = _scales(largest * cut)
        error = np.square(_rounded(sums, scale, words) * scale[:, None, None] - sums).sum(axis=(1, 2))
        better = error < least
        best, least = np.where(better, largest * cut, best), np.minimum(error, least)
    scale = np.maximum(_scales(best), finest).astype(np.float32)
    values = _rounded(sums, scale, words)
    steps = whole_steps(rows, -WEIGHT_LIMIT - 1, WEIGHT_LIMIT)
    kept = np.isfinite(steps) & (steps >= np.maximum(finest, SMALLEST_SCALE))
    scale[kept] = steps[kept]
    values[kept] = np.rint(sums[kept] / steps[kept, None, None])
    return QuantisedWeight(out_of_sums(values.astype(np.int8), max(words, 1), weight.shape), scale)


def _scales(limits: NDArray[np.float64]) -> Floats:
    return np.maximum(limits / WEIGHT_LIMIT, SMALLEST_SCALE).astype(np.float32)


def _rounded(sums: NDArray[np.float64], scale: Floats, words: int) -> NDArray[np.float64]:
    units = np.clip(sums / scale[:, None, None], -WEIGHT_LIMIT, WEIGHT_LIMIT)
    return rounded_to_fit(units) if words else np.rint(units)


def correct_bias(bias: Floats, weight: Floats, quantised: QuantisedWeight, means: NDArray[np.float64]) -> Floats:
    """The bias that keeps each output channel's mean where it was, given the mean of each input channel."""
    lost = (weight.astype(np.float64) - quantised.dequantise()).sum(axis=(2, 3))
    outputs, inputs = lost.shape
    groups = len(means) // inputs
    # Output channel o reads the input channels of its own group.
    seen = np.repeat(means.reshape(groups, inputs), outputs // groups, axis=0)
    return (bias + (lost * seen).sum(axis=1)).astype(np.float32)
