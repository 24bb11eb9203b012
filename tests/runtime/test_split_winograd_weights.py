"""Winograd's weights in pieces of bfloat16: together they are the weights at the points."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.runtime.test_winograd_weights import LARGE, SMALL, dense_weights
from zcc.runtime.split_winograd_weights import SplitWinogradWeights
from zcc.runtime.winograd_weights import WinogradWeights

Array = NDArray[Any]


def order_of(points: tuple[float, ...], shape: tuple[int, ...], stride: int) -> SplitWinogradWeights:
    """Those of a convolution's blocks and lanes."""
    return SplitWinogradWeights(WinogradWeights(points, 1, shape, stride))


def pieces_of(order: SplitWinogradWeights, dense: Array) -> Array:
    """What is made, as floats: [points, output blocks, pairs, pieces, input lanes, output lanes, 2]."""
    made = np.full(order.made, np.nan, np.float32)
    order.fill(dense.ravel(), made)
    return (made.view(np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(order.made_shape)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("points", [SMALL, LARGE])
@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (4, 3, 16, 16), (3, 4, 4, 8)])
def test_the_pieces_of_a_weight_are_the_weight_at_a_point(
    points: tuple[float, ...], shape: tuple[int, ...], stride: int
) -> None:
    order, (outputs, blocks, lanes, filled) = order_of(points, shape, stride), shape
    dense = dense_weights(order.at_points)
    assert order.taken == dense.size
    whole = np.empty(order.at_points.made, np.float32)
    order.at_points.fill(dense.ravel(), whole)
    at_points = whole.reshape(outputs, -1, blocks, lanes, filled)
    pieces = pieces_of(order, dense)
    for block in range(blocks):
        together = pieces[:, :, block // 2, ..., block % 2].astype(np.float64).sum(2)
        np.testing.assert_array_equal(together, at_points[:, :, block].swapaxes(0, 1))


@pytest.mark.parametrize("blocks", [1, 3])
def test_an_odd_block_is_paired_with_zeros(blocks: int) -> None:
    order = order_of(LARGE, (2, blocks, 4, 4), 1)
    pieces = pieces_of(order, dense_weights(order.at_points))
    assert not pieces[:, :, -1, ..., 1].any()
    assert pieces[:, :, -1, ..., 0].any()


@pytest.mark.parametrize("stride", [1, 2])
def test_parameters_survive_the_manifest(stride: int) -> None:
    order = order_of(LARGE, (4, 3, 16, 16), stride)
    assert SplitWinogradWeights.read(json.loads(json.dumps(order.parameters))) == order


SOUND: dict[str, Any] = {"points": [1.0], "shape": [4, 3, 16, 16], "stride": 1}
WRONG: list[Any] = [
    None,
    [],
    {},
    "points",
    {**SOUND, "blocks": 1},
    {**SOUND, "blocks": 4},
    {**SOUND, "size": 4},
    {**SOUND, "stride": 3},
    {**SOUND, "shape": [4, 3, 16]},
    {**SOUND, "shape": [4, 3, 16, 0]},
    {**SOUND, "points": [-1.0]},
    {**SOUND, "points": [1]},
]


@pytest.mark.parametrize("parameters", WRONG, ids=range(len(WRONG)))
def test_parameters_that_cannot_be_are_told(parameters: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        SplitWinogradWeights.read(parameters)
