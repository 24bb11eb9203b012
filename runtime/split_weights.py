"""The weights of a convolution of float32 numbers as AMX's kernels want them: each as three numbers of bfloat16.

A float32 has 24 digits and a bfloat16 has eight: the nearest one, the nearest one to what is left, and the nearest one
to what is left then are together the number itself, as long as none is below the least normal number. Three times 16
bits are more than 32, so the dense weights are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
        pieces = made.view(np.uint16).reshape(self.made_shape)
        if self.shape[1] % TOGETHER:
            pieces[:, -1, ..., -1] = 0
        for block, weights in enumerate(dense.reshape(self.shape).swapaxes(0, 1)):
            left = weights.copy()
            for piece in range(PIECES):
                bits = _nearest(left)
                pieces[:, block // TOGETHER, :, :, piece, :, :, block % TOGETHER] = bits >> SHIFT
                left -= bits.view(np.float32)


def _nearest(values: Array) -> Array:
    """The bits of the nearest numbers of bfloat16, ties to even."""
    bits = values.view(np.uint32)
    half = np.uint32((1 << SHIFT - 1) - 1) + (bits >> SHIFT & 1)
    return bits + half & np.uint32(0xFFFF0000)
