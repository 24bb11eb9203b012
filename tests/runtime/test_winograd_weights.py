"""Winograd's weights against a plain loop in double precision."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zcc.runtime.winograd_weights import WinogradWeights, taps_at

Array = NDArray[Any]
SMALL, LARGE = (1.0,), (0.5**0.5, 2.0**0.5)


def dense_weights(order: WinogradWeights, seed: int = 0) -> Array:
    """Weights of very different sizes."""
    out_blocks, in_blocks, in_lanes, lanes = order.shape
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((out_blocks, in_blocks, 3, 3, in_lanes, lanes))
    return (values * 10.0 ** rng.integers(-4, 3, values.shape)).astype(np.float32)


def reference(order: WinogradWeights, dense: Array) -> Array:
    """Point after point, block after block."""
    out_blocks, in_blocks, in_lanes, lanes = order.shape
    transform = taps_at(order.points, order.stride)
    count = len(transform)
    made = np.zeros((out_blocks // order.blocks, count**2, in_blocks, in_lanes, order.blocks, lanes))
    for out in range(out_blocks):
        group, block = divmod(out, order.blocks)
        for x in range(in_blocks):
            for row in range(count):
                for column in range(count):
                    factors = np.outer(transform[row], transform[column])[:, :, None, None]
                    values = (factors * dense[out, x].astype(np.float64)).sum((0, 1))
                    made[group, row * count + column, x, :, block] = values
    return made


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("points", [SMALL, LARGE, (0.5, 1.0, 2.0)])
@pytest.mark.parametrize(
    ("blocks", "shape"),
    [(1, (1, 1, 16, 16)), (2, (4, 3, 16, 16)), (3, (3, 2, 4, 8)), (5, (10, 1, 8, 8)), (4, (4, 5, 16, 16))],
)
def test_they_are_the_reference(points: tuple[float, ...], blocks: int, shape: tuple[int, ...], stride: int) -> None:
    order = WinogradWeights(points, blocks, shape, stride)
    dense = dense_weights(order)
    expected = reference(order, dense)
    assert (dense.size, expected.size) == (order.taken, order.made)
    made = np.full(order.made, np.nan, np.float32)
    order.fill(dense.ravel(), made)
    np.testing.assert_allclose(made.reshape(expected.shape), expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_zeros_stay_zeros() -> None:
    """What fills the lanes that no channel has."""
    order = WinogradWeights(LARGE, 2, (2, 2, 16, 16))
    dense = dense_weights(order)
    dense[..., 5:, :], dense[..., 9:] = 0, 0
    made = np.empty(order.made, np.float32)
    order.fill(dense.ravel(), made)
    assert not made.reshape(1, 36, 2, 16, 2, 16)[..., 5:, :, :].any()
    assert not made.reshape(1, 36, 2, 16, 2, 16)[..., 9:].any()


def test_in_steps_of_two_the_middle_tap_is_a_row_of_its_own() -> None:
    """The others are two taps at the points: at 1 their sum, at -1 their difference, both halved."""
    expected = [[-1, 0, 0], [0.5, 0, 0.5], [0.5, 0, -0.5], [0, 0, 1], [0, 1, 0]]
    np.testing.assert_array_equal(taps_at(SMALL, 2), expected)


@pytest.mark.parametrize("stride", [1, 2])
def test_parameters_survive_the_manifest(stride: int) -> None:
    order = WinogradWeights(LARGE, 2, (4, 3, 16, 16), stride)
    assert WinogradWeights.read(json.loads(json.dumps(order.parameters))) == order


def test_older_manifests_name_no_stride() -> None:
    parameters = {"points": [1.0], "blocks": 2, "shape": [4, 3, 16, 16]}
    assert WinogradWeights.read(parameters) == WinogradWeights((1.0,), 2, (4, 3, 16, 16), 1)


SOUND: dict[str, Any] = {"points": [1.0], "blocks": 2, "shape": [4, 3, 16, 16]}
WRONG: list[Any] = [
    None,
    [],
    {},
    {"points": [1.0], "blocks": 2},
    {**SOUND, "size": 4},
    *({**SOUND, "stride": stride} for stride in (0, 3, -1, 1.0, True, "2", [2], None)),
    {"points": [1.0], "blocks": 2, "stride": 1},
    {**SOUND, "blocks": 0},
    {**SOUND, "blocks": 3},
    {**SOUND, "blocks": -2},
    {**SOUND, "blocks": 2.0},
    {**SOUND, "blocks": True},
    {**SOUND, "blocks": [2]},
    {**SOUND, "shape": [4, 3, 16]},
    {**SOUND, "shape": [4, 3, 16, 0]},
    {**SOUND, "shape": [4, 3, 16, "16"]},
    {**SOUND, "shape": 4},
    {**SOUND, "points": []},
    {**SOUND, "points": 1.0},
    {**SOUND, "points": "1"},
    {**SOUND, "points": [1]},
    {**SOUND, "points": [0.0]},
    {**SOUND, "points": [-1.0]},
    {**SOUND, "points": [float("nan")]},
    {**SOUND, "points": [float("inf")]},
    {**SOUND, "points": [1e-300]},
    {**SOUND, "points": [1.0, 1.0]},
    {**SOUND, "points": [1.0, 2.0, 3.0, 4.0, 5.0]},
    {**SOUND, "points": [[1.0]]},
]


@pytest.mark.parametrize("parameters", WRONG, ids=range(len(WRONG)))
def test_parameters_that_cannot_be_are_told(parameters: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        WinogradWeights.read(parameters)
