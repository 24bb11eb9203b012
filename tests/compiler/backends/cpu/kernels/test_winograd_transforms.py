"""Winograd's transforms against the convolution they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zcc.compiler.backends.cpu.kernels.winograd_transforms import TRANSFORMS, Transform
from zcc.runtime.winograd_weights import TAPS

Array = NDArray[Any]


def both_axes(transform: Any, tiles: Array) -> Array:
    """A transform of the last two axes."""
    rows = np.stack(transform(list(np.moveaxis(tiles, -2, 0))), -2)
    return np.stack(transform(list(np.moveaxis(rows, -1, 0))), -1)


def convolved(transform: Transform, x: Array, weight: Array) -> Array:
    """Tiles [n, channels, products, products] and weights [channels, 3, 3] to outputs [n, size, size]."""
    rows = np.minimum(np.arange(transform.products), len(transform.taps) - 1)
    taps = transform.taps[rows]
    at_points = (taps @ weight.astype(np.float64) @ taps.T).astype(x.dtype)
    return both_axes(transform.gather, (both_axes(transform.spread, x) * at_points).sum(1))


def reference(transform: Transform, x: Array, weight: Array) -> Array:
    size, stride = transform.size, transform.stride
    total = np.zeros((len(x), size, size))
    for ky in range(TAPS):
        for kx in range(TAPS):
            window = x[:, :, ky::stride, kx::stride][:, :, :size, :size].astype(np.float64)
            total += np.einsum("nchw,c->nhw", window, weight[:, ky, kx].astype(np.float64))
    return total


def operands(transform: Transform, dtype: type[np.generic]) -> tuple[Array, Array]:
    """Activations after SiLU, and weights that keep their size."""
    rng = np.random.default_rng(7)
    z = rng.normal(0, 1.5, (300, 64, transform.products, transform.products))
    weight = rng.normal(0, 1 / 24, (64, TAPS, TAPS))
    return (z / (1 + np.exp(-z))).astype(dtype), weight.astype(dtype)


MORE = Transform((0.5, 1.0, 2.0)), Transform((0.5, 1.0, 2.0), 2)


@pytest.mark.parametrize("transform", [*TRANSFORMS.values(), *MORE], ids=str)
def test_products_at_points_make_the_convolution(transform: Transform) -> None:
    x, weight = operands(transform, np.float64)
    np.testing.assert_allclose(convolved(transform, x, weight), reference(transform, x, weight), atol=1e-12)


@pytest.mark.parametrize("key", TRANSFORMS)
def test_products_are_fewer_than_taps(key: tuple[int, int]) -> None:
    (stride, size), transform = key, TRANSFORMS[key]
    assert (transform.stride, transform.size) == key
    assert transform.products == {1: size + 2, 2: 2 * size + 1}[stride] < 3 * size


@pytest.mark.parametrize(("key", "bound"), [((1, 2), 1e-6), ((1, 4), 4e-6), ((2, 3), 1e-6), ((2, 5), 4e-6)])
def test_float32_keeps_enough_digits(key: tuple[int, int], bound: float) -> None:
    transform = TRANSFORMS[key]
    x, weight = operands(transform, np.float32)
    expected = reference(transform, x, weight)
    assert np.abs(convolved(transform, x, weight) - expected).max() < bound * np.abs(expected).max()


def test_reciprocal_points_lose_less_than_whole_ones() -> None:
    forms = TRANSFORMS[1, 4], Transform((1.0, 2.0))
    x, weight = operands(forms[0], np.float32)
    expected = reference(forms[0], x, weight)
    chosen, whole = (np.abs(convolved(transform, x, weight) - expected).max() for transform in forms)
    assert chosen < whole / 2
