"""The weights of a 3x3 convolution as Winograd's kernels want them, made of the dense ones.

A row of weights is a polynomial; the transform takes it to its values at 0, pairs of opposite points and infinity.
Along both axes that makes up to four times as many numbers as there are taps, so only the dense ones are stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
TAPS = 3
MOST_POINTS = 4  # with more, fp32 has too few digits, and with points that are far from one
LEAST, MOST = 0.01, 100.0
# Columns of one product: what it makes stays in the cache, and it is too small for BLAS to wake other threads.
COLUMNS = 4096


def taps_at(points: Sequence[float]) -> Array:
    """The matrix [products, 3] in float64 from a row of weights to 0, each point and its opposite, and infinity."""
    finite = [0.0, *(sign * point for point in points for sign in (1, -1))]
    rows = []
    for index, point in enumerate(finite):
        scale = prod(point - other for at, other in enumerate(finite) if at != index)
        rows.append([point**power / scale for power in range(TAPS)])
    return np.array([*rows, [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class WinogradWeights:
    """Dense weights [output blocks, input blocks, 3, 3, input lanes, output lanes], taken to the points.

    What is made is [groups, products, input blocks, input lanes, blocks of a group, output lanes].
    """

    points: tuple[float, ...]  # positive
    blocks: int  # output blocks of a group
    shape: tuple[int, ...]  # output blocks, input blocks, input lanes, output lanes

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> WinogradWeights:
        """What a manifest says; ValueError or TypeError where that cannot be."""
        if not isinstance(parameters, Mapping) or parameters.keys() != {field.name for field in fields(cls)}:
            raise ValueError(f"parameters {parameters!r}")
        read = cls(tuple(parameters["points"]), parameters["blocks"], tuple(parameters["shape"]))
        numbers = (read.blocks, *read.shape)
        if len(numbers) != 5 or any(type(number) is not int or number < 1 for number in numbers):
            raise ValueError(f"a shape of {numbers}")
        if read.shape[0] % read.blocks:
            raise ValueError(f"groups of {read.blocks} of {read.shape[0]} blocks")
        if not 0 < len(set(read.points)) == len(read.points) <= MOST_POINTS or not all(
            type(point) is float and LEAST <= point <= MOST for point in read.points
        ):
            raise ValueError(f"points at {read.points}")
        return read

    @property
    def parameters(self) -> dict[str, Any]:
        """What `read` reads."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @property
    def taken(self) -> int:
        """How many dense weights there are."""
        return TAPS**2 * prod(self.shape)

    @property
    def made(self) -> int:
        """How many numbers are made of them."""
        return (2 * len(self.points) + 2) ** 2 * prod(self.shape)

    def fill(self, dense: Array, made: Array) -> None:
        """Make them; both arrays are contiguous float32."""
        _, in_blocks, in_lanes, lanes = self.shape
        split = dense.reshape(-1, self.blocks, in_blocks, TAPS, TAPS, in_lanes, lanes)
        groups = split.transpose(0, 3, 4, 2, 5, 1, 6)
        transform = taps_at(self.points).astype(np.float32)
        products = len(transform)
        for taps, at_points in zip(groups, made.reshape(len(groups), products, products, -1), strict=True):
            flat = taps.reshape(TAPS, TAPS, -1)
            for start in range(0, flat.shape[-1], COLUMNS):
                part = np.ascontiguousarray(flat[:, :, start : start + COLUMNS])
                rows = (transform @ part.reshape(TAPS, -1)).reshape(products, TAPS, -1)
                np.matmul(transform, rows, out=at_points[:, :, start : start + COLUMNS])
