"""The weights of a 3x3 convolution as Winograd's kernels want them, made of the dense ones.

A row of weights is a polynomial; the transform takes it to its values at 0, pairs of opposite points and infinity.
In steps of two the outer weights of a row meet the even inputs alone: they are the polynomial, and the middle one is
taken as it is. Along both axes that makes up to 5.4 times as many numbers as there are taps, so only the dense ones are
stored.
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
STRIDES = (1, 2)
MOST_POINTS = 4  # with more, fp32 has too few digits, and with points that are far from one
LEAST, MOST = 0.01, 100.0
# Columns of one product: what it makes stays in the cache, and it is too small for BLAS to wake other threads.
COLUMNS = 4096


def taps_at(points: Sequence[float], stride: int) -> Array:
    """The matrix [rows, 3] in float64 from a row of weights to 0, each point and its opposite, and infinity.

    Weights that are taken as they are have the last rows.
    """
    finite = [0.0, *(sign * point for point in points for sign in (1, -1))]
    taken = np.zeros((len(finite) + 1, TAPS))
    powers = range(len(range(0, TAPS, stride)))
    for index, point in enumerate(finite):
        scale = prod(point - other for at, other in enumerate(finite) if at != index)
        taken[index, ::stride] = [point**power / scale for power in powers]
    taken[-1, -1] = 1
    return np.vstack([taken, *(row for tap, row in enumerate(np.eye(TAPS)) if tap % stride)])


@dataclass(frozen=True)
class WinogradWeights:
    """Dense weights [output blocks, input blocks, 3, 3, input lanes, output lanes], taken to the points.

    What is made is [groups, rows of the transform squared, input blocks, input lanes, blocks of a group, output lanes].
    """

    points: tuple[float, ...]  # positive
    blocks: int  # output blocks of a group
    shape: tuple[int, ...]  # output blocks, input blocks, input lanes, output lanes
    stride: int = 1  # older manifests do not say

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> WinogradWeights:
        """What a manifest says; ValueError or TypeError where that cannot be."""
        names = {field.name for field in fields(cls)}
        if not isinstance(parameters, Mapping) or parameters.keys() | {"stride"} != names:
            raise ValueError(f"parameters {parameters!r}")
        lists = {name: tuple(parameters[name]) for name in ("points", "shape")}
        read = cls(**{**parameters, **lists})
        numbers = (read.blocks, *read.shape)
        if len(numbers) != 5 or any(type(number) is not int or number < 1 for number in numbers):
            raise ValueError(f"a shape of {numbers}")
        if type(read.stride) is not int or read.stride not in STRIDES:
            raise ValueError(f"a stride of {read.stride!r}")
        if read.shape[0] % read.blocks:
            raise ValueError(f"groups of {read.blocks} of {read.shape[0]} blocks")
        if not 0 < len(set(read.points)) == len(read.points) <= MOST_POINTS or not all(
            type(point) is float and LEAST <= point <= MOST for point in read.points
        ):
            raise ValueError(f"points at {read.points}")
        return read

    @property
    def parameters(self) -> dict[str, Any]:
        """What a manifest says of it, for `read`."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @property
    def taken(self) -> int:
        """How many dense weights there are."""
        return TAPS**2 * prod(self.shape)

    @property
    def made(self) -> int:
        """How many numbers are made of them."""
        return len(taps_at(self.points, self.stride)) ** 2 * prod(self.shape)

    def fill(self, dense: Array, made: Array) -> None:
        """Make them; both arrays are contiguous float32."""
        _, in_blocks, in_lanes, lanes = self.shape
        split = dense.reshape(-1, self.blocks, in_blocks, TAPS, TAPS, in_lanes, lanes)
        groups = split.transpose(0, 3, 4, 2, 5, 1, 6)
        transform = taps_at(self.points, self.stride).astype(np.float32)
        count = len(transform)
        for taps, at_points in zip(groups, made.reshape(len(groups), count, count, -1), strict=True):
            flat = taps.reshape(TAPS, TAPS, -1)
            for start in range(0, flat.shape[-1], COLUMNS):
                part = np.ascontiguousarray(flat[:, :, start : start + COLUMNS])
                rows = (transform @ part.reshape(TAPS, -1)).reshape(count, TAPS, -1)
                np.matmul(transform, rows, out=at_points[:, :, start : start + COLUMNS])
