"""Winograd's transforms against the convolution they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zcc.compiler.kernels.winograd_transforms import TRANSFORMS, Transform
from zcc.runtime.winograd_weights import TAPS

Array = NDArray[Any]


def both_axes(transform: Any, tiles: Array) -> Array:
    """A transform of the last two axes."""
    rows = np.stack(transform(list(np.moveaxis(tiles, -2, 0))), -2)
    return np.stack(transform(list(np.moveaxis(rows, -1, 0))), -1)


def convolved(transform: Transform, x: Array, weight: Array) -> Array:
    """Tiles [n, channels, products, products] and weights [channels, 3, 3] to outputs [n, size, size]."""
    taps = transform.taps
    at_points = (taps @ weight.astype(np.float64) @ taps.T).astype(x.dtype)
    return both_axes(transform.gather, (both_axes(transform.spread, x) * at_points).sum(1))


def reference(size: int, x: Array, weight: Array) -> Array:
    total = np.zeros((len(x), size, size))
    for ky in range(TAPS):
        for kx in range(TAPS):
            window = x[:, :, ky : ky + size, kx : kx + size].astype(np.float64)
            total += np.einsum("nchw,c->nhw", window, weight[:, ky, kx].astype(np.float64))
    return total


def operands(transform: Transform, dtype: type[np.generic]) -> tuple[Array, Array]:
    """Activations after SiLU, and weights that keep their size."""
    rng = np.random.default_rng(7)
    z = rng.normal(0, 1.5, (300, 64, transform.products, transform.products))
    weight = rng.normal(0, 1 / 24, (64, TAPS, TAPS))
    return (z / (1 + np.exp(-z))).astype(dtype), weight.astype(dtype)


@pytest.mark.parametrize("points", [*(known.points for known in TRANSFORMS.values()), (0.5, 1.0, 2.0)])
def test_products_at_points_make_the_convolution(points: tuple[float, ...]) -> None:
    transform = Transform(points)
    x, weight = operands(transform, np.float64)
    np.testing.assert_allclose(convolved(transform, x, weight), reference(transform.size, x, weight), atol=1e-12)


@pytest.mark.parametrize(("size", "bound"), [(2, 1e-6), (4, 4e-6)])
def test_float32_keeps_enough_digits(size: int, bound: float) -> None:
    x, weight = operands(TRANSFORMS[size], np.float32)
    expected = reference(size, x, weight)
    assert np.abs(convolved(TRANSFORMS[size], x, weight) - expected).max() < bound * np.abs(expected).max()


def test_reciprocal_points_lose_less_than_whole_ones() -> None:
    x, weight = operands(TRANSFORMS[4], np.float32)
    expected = reference(4, x, weight)
    chosen, whole = (
        np.abs(convolved(transform, x, weight) - expected).max() for transform in (TRANSFORMS[4], Transform((1.0, 2.0)))
    )
    assert chosen < whole / 2
