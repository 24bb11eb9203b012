"""Weights in pieces of bfloat16: together they are the weights, and lie as the kernels read them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zcc.runtime.split_weights import SplitWeights

Array = NDArray[Any]
SHAPES = [(1, 1, 1, 1, 16, 16), (2, 4, 3, 3, 16, 16), (3, 5, 2, 1, 4, 8)]


def dense_weights(shape: tuple[int, ...]) -> Array:
    """Weights of very different sizes."""
    rng = np.random.default_rng(5)
    return (rng.standard_normal(shape) * 10.0 ** rng.integers(-12, 12, shape)).astype(np.float32)


def pieces_of(order: SplitWeights, dense: Array) -> Array:
    """What is made, as floats: [output blocks, pairs, rows, columns, pieces, input lanes, output lanes, 2]."""
    made = np.full(order.made, np.nan, np.float32)
    order.fill(dense.ravel(), made)
    return (made.view(np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(order.made_shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_pieces_of_a_weight_are_the_weight(shape: tuple[int, ...]) -> None:
    order, dense = SplitWeights(shape), dense_weights(shape)
    assert order.taken == dense.size
    pieces = pieces_of(order, dense)
    for block in range(shape[1]):
        together = pieces[:, block // 2, ..., block % 2].astype(np.float64).sum(3)
        np.testing.assert_array_equal(together, dense[:, block])


def test_the_first_piece_is_the_nearest() -> None:
    """Of two as near, the even one: 1 + 2**-8 lies between 1 and 1 + 2**-7."""
    dense = np.array([1 + 2**-8, 1 + 3 * 2**-8, -(1 + 2**-8), 3.0], np.float32).reshape(1, 1, 1, 1, 1, 4)
    pieces = pieces_of(SplitWeights(dense.shape), dense)[0, 0, 0, 0, :, 0, :, 0]
    np.testing.assert_array_equal(pieces[0], [1, 1 + 2**-6, -1, 3])
    np.testing.assert_array_equal(pieces[1], [2**-8, -(2**-8), -(2**-8), 0])


@pytest.mark.parametrize("blocks", [1, 3])
def test_an_odd_block_is_paired_with_zeros(blocks: int) -> None:
    order = SplitWeights((2, blocks, 1, 1, 4, 4))
    pieces = pieces_of(order, dense_weights(order.shape))
    assert not pieces[:, -1, ..., 1].any()
    assert pieces[:, -1, ..., 0].any()


def test_parameters_survive_the_manifest() -> None:
    order = SplitWeights(SHAPES[1])
    assert SplitWeights.read(json.loads(json.dumps(order.parameters))) == order


WRONG: list[Any] = [
    None,
    [],
    {},
    {"shape": [2, 4, 3, 3, 16, 16], "blocks": 1},
    {"shape": [2, 4, 3, 3, 16]},
    {"shape": [2, 4, 3, 3, 16, 16, 1]},
    {"shape": [2, 4, 3, 3, 16, 0]},
    {"shape": [2, 4, 3, 3, 16, -16]},
    {"shape": [2, 4, 3, 3, 16, 16.0]},
    {"shape": [2, 4, 3, 3, 16, True]},
    {"shape": [2, 4, 3, 3, 16, "16"]},
    {"shape": "243366"},
    {"shape": 16},
    {"shape": None},
]


@pytest.mark.parametrize("parameters", WRONG, ids=range(len(WRONG)))
def test_parameters_that_cannot_be_are_told(parameters: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        SplitWeights.read(parameters)
