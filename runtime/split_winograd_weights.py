"""The weights of a 3x3 convolution as AMX's kernels want them by Winograd's way: at the points, and there in pieces.

Up to 5.4 times as many numbers as there are taps, of three times 16 bits each: only the dense ones are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.split_weights import SplitWeights
from zcc.runtime.winograd_weights import WinogradWeights

Array = NDArray[Any]


@dataclass(frozen=True)
class SplitWinogradWeights:
    """Dense weights [output blocks, input blocks, 3, 3, input lanes, output lanes], at the points and in pieces.

    What is made is [rows of the transform squared, output blocks, pairs of input blocks, pieces, input lanes, output
    lanes, 2] in 16 bits each; where the blocks are odd, the last is paired with zeros.
    """

    at_points: WinogradWeights  # in groups of one output block

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> SplitWinogradWeights:
        """What a manifest says; ValueError or TypeError where that cannot be."""
        if not isinstance(parameters, Mapping) or "blocks" in parameters:
            raise ValueError(f"parameters {parameters!r}")
        return cls(WinogradWeights.read({**parameters, "blocks": 1}))

    @property
    def parameters(self) -> dict[str, Any]:
        """What a manifest says of it, for `read`."""
        told = self.at_points.parameters
        return {name: told[name] for name in told if name != "blocks"}

    @property
    def taken(self) -> int:
        """How many dense weights there are."""
        return self.at_points.taken

    @property
    def made(self) -> int:
        """How many numbers of 32 bits the pieces take."""
        return self.at_points.shape[0] * self._in_pieces.made

    @property
    def made_shape(self) -> tuple[int, ...]:
        """Of the pieces."""
        points, pairs, _, _, *rest = self._in_pieces.made_shape
        return (points, self.at_points.shape[0], pairs, *rest)

    @property
    def _of_a_block(self) -> WinogradWeights:
        return replace(self.at_points, shape=(1, *self.at_points.shape[1:]))

    @property
    def _in_pieces(self) -> SplitWeights:
        """Those of an output block, each of whose points is as an output block of a 1x1 convolution."""
        _, blocks, lanes, filled = self.at_points.shape
        points = self._of_a_block.made // (blocks * lanes * filled)
        return SplitWeights((points, blocks, 1, 1, lanes, filled))

    def fill(self, dense: Array, made: Array) -> None:
        """Make them, an output block after the other, which the cache holds; both arrays are contiguous float32."""
        outputs, to_points, in_pieces = self.at_points.shape[0], self._of_a_block, self._in_pieces
        at_points, pieces = np.empty(to_points.made, np.float32), np.empty(in_pieces.made, np.float32)
        points = in_pieces.shape[0]
        blocks = made.reshape(points, outputs, -1).swapaxes(0, 1)
        for taps, block in zip(dense.reshape(outputs, -1), blocks, strict=True):
            to_points.fill(taps, at_points)
            in_pieces.fill(at_points, pieces)
            block[...] = pieces.reshape(points, -1)
