"""Random decoders: what exporters put behind the last convolutions, in any order."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
import onnx

from tests.onnx_models.graph import Graph, Tensor

Step = Callable[[Graph, list[Tensor]], Tensor]


def random_tail(seed: int, steps: int = 10) -> onnx.ModelProto:
    """Some maps of different sizes, and a decoder that reads them all."""
    g = Graph(((32, 48), (26, 18), (16, 80))[seed % 3], 13, seed)
    pool = [
        g.conv(g.images, int(g.rng.choice([5, 16, 24, 51, 80])), 3, int(stride))
        for stride in g.rng.choice([2, 3, 4, 5], 3)
    ]
    for _ in range(steps):
        pool.append(STEPS[g.rng.integers(len(STEPS))](g, pool))
    flat = [g.reshape(x, 1, prod(x.shape)) for x in pool]
    return g.finish({"output": g.concat(flat)})


def _pick(g: Graph, pool: list[Tensor]) -> Tensor:
    return pool[g.rng.integers(len(pool))]


def split_axis(g: Graph, pool: list[Tensor]) -> Tensor:
    """An axis as two, as heads part anchors from attributes."""
    x = _pick(g, pool)
    axis = int(g.rng.integers(len(x.shape)))
    factors = [n for n in range(2, min(x.shape[axis], 9)) if x.shape[axis] % n == 0]
    if not factors or len(x.shape) > 5:
        return merge_axes(g, pool)
    factor = int(g.rng.choice(factors))
    return g.reshape(x, *x.shape[:axis], factor, x.shape[axis] // factor, *x.shape[axis + 1 :])


def merge_axes(g: Graph, pool: list[Tensor]) -> Tensor:
    """Two axes as one, as decoders flatten rows and columns."""
    x = _pick(g, pool)
    if len(x.shape) < 3:
        return transpose(g, pool)
    axis = int(g.rng.integers(1, len(x.shape) - 1))
    return g.reshape(x, *x.shape[:axis], x.shape[axis] * x.shape[axis + 1], *x.shape[axis + 2 :])


def transpose(g: Graph, pool: list[Tensor]) -> Tensor:
    x = _pick(g, pool)
    return g.transpose(x, [int(axis) for axis in g.rng.permutation(len(x.shape))])


def concat(g: Graph, pool: list[Tensor]) -> Tensor:
    """Of everything, flattened behind its channels, that has as many channels."""
    x = _pick(g, pool)
    if x.shape[0] != 1 or len(x.shape) < 3:
        return transpose(g, pool)
    alike = [y for y in pool if y.shape[:2] == x.shape[:2]]
    return g.concat([g.reshape(y, 1, y.shape[1], prod(y.shape[2:])) for y in alike], 2)


def cut(g: Graph, pool: list[Tensor]) -> Tensor:
    x = _pick(g, pool)
    axis = int(np.argmax(x.shape))
    begin, end = sorted(int(at) for at in g.rng.choice(x.shape[axis] + 1, 2, replace=False))
    return g.slice(x, begin, end, axis)


def unary(g: Graph, pool: list[Tensor]) -> Tensor:
    return g.unary(str(g.rng.choice(["Sigmoid", "Relu", "Neg", "Tanh"])), _pick(g, pool))


def square(g: Graph, pool: list[Tensor]) -> Tensor:
    return g.binary("Pow", g.unary("Tanh", _pick(g, pool)), 2.0)


def grid(g: Graph, pool: list[Tensor]) -> Tensor:
    """A constant of the same shape added, as a grid of cells is."""
    x = _pick(g, pool)
    return g.add(x, g.rng.normal(0, 1, x.shape).astype(np.float32))


def softmax(g: Graph, pool: list[Tensor]) -> Tensor:
    x = _pick(g, pool)
    return g.softmax(x, int(g.rng.integers(1, len(x.shape))))


STEPS: tuple[Step, ...] = (
    split_axis, merge_axes, transpose, concat, concat, cut, unary, square, grid, softmax, split_axis, transpose,
)  # fmt: skip
