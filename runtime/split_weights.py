"""The weights of a convolution of float32 numbers as AMX's kernels want them: each as three numbers of bfloat16.

A float32 has 24 digits and a bfloat16 has eight: the nearest one, the nearest one to what is left, and the nearest one
to what is left then are together the number itself, as long as none is below the least normal number. Three times 16
bits are more than 32, so the dense weights are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
PIECES = 3
TOGETHER = 2  # input channels of a word, which are of neighbouring blocks
DIMENSIONS = 6
SHIFT = 16  # bits of a float32 that bfloat16 has no room for


@dataclass(frozen=True)
class SplitWeights:
    """Dense weights [output blocks, input blocks, rows, columns, input lanes, output lanes], in pieces.

    What is made is [output blocks, pairs of input blocks, rows, columns, pieces, input lanes, output lanes, 2] in 16
    bits each; where the blocks are odd, the last is paired with zeros.
    """

    shape: tuple[int, ...]

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> SplitWeights:
        """What a manifest says; ValueError or TypeError where that cannot be."""
        if not isinstance(parameters, Mapping) or parameters.keys() != {"shape"}:
            raise ValueError(f"parameters {parameters!r}")
        shape = tuple(parameters["shape"])
        if len(shape) != DIMENSIONS or any(type(number) is not int or number < 1 for number in shape):
            raise ValueError(f"a shape of {shape}")
        return cls(shape)

    @property
    def parameters(self) -> dict[str, Any]:
        """What a manifest says of it, for `read`."""
        return {"shape": list(self.shape)}

    @property
    def taken(self) -> int:
        """How many dense weights there are."""
        return prod(self.shape)

    @property
    def made(self) -> int:
        """How many numbers of 32 bits the pieces take."""
        return prod(self.made_shape) // TOGETHER

    @property
    def made_shape(self) -> tuple[int, ...]:
        """Of the pieces."""
        outputs, blocks, rows, columns, lanes, filled = self.shape
        return (outputs, -(-blocks // TOGETHER), rows, columns, PIECES, lanes, filled, TOGETHER)

    def fill(self, dense: Array, made: Array) -> None:
        """Make them; both arrays are contiguous float32."""
        words, weights = made.view(np.uint32).reshape(self.made_shape[:-1]), dense.reshape(self.shape)
        for first in range(0, self.shape[1], TOGETHER):
            left = [weights[:, block].copy() for block in range(first, min(first + TOGETHER, self.shape[1]))]
            for piece in range(PIECES):
                bits = [_nearest(each) for each in left]
                words[:, first // TOGETHER, :, :, piece] = reduce(np.bitwise_or, bits[1:], bits[0] >> SHIFT)
                for each, taken in zip(left, bits, strict=True):
                    each -= taken.view(np.float32)


def _nearest(values: Array) -> Array:
    """The bits of the nearest numbers of bfloat16, ties to even."""
    bits = values.view(np.uint32)
    half = np.uint32((1 << SHIFT - 1) - 1) + (bits >> SHIFT & 1)
    return bits + half & np.uint32(0xFFFF0000)
