"""Random networks of what detectors are made of: convolutions of all shapes, concats, slices, residual adds, pools."""

from __future__ import annotations

import onnx

from tests.onnx_models.graph import Graph, Tensor

CHANNELS = (1, 3, 5, 8, 12, 16, 20, 24, 32, 40)


def random_network(seed: int, nodes: int = 12) -> onnx.ModelProto:
    """A network whose every tensor leads to the output."""
    size = ((32, 32), (33, 47), (26, 13), (64, 20))[seed % 4]
    g = Graph(size, 13, seed)
    pool = [g.conv(g.images, _channels(g), kernel=int(g.rng.choice([3, 6])), stride=int(g.rng.choice([1, 2])), pad=2)]
    for _ in range(nodes):
        pool += STEPS[g.rng.integers(len(STEPS))](g, pool)
    # The head reads everything, resized by convolutions to nothing larger than the last map.
    parts = [g.conv(x, 4, kernel=1) for x in pool if x.shape[2:] == pool[-1].shape[2:]]
    return g.finish({"output": g.concat(parts) if len(parts) > 1 else parts[0]})


def _channels(g: Graph) -> int:
    return int(g.rng.choice(CHANNELS))


def _pick(g: Graph, pool: list[Tensor]) -> Tensor:
    # Later tensors are likelier, so that the network grows deep.
    return pool[max(g.rng.integers(len(pool)), g.rng.integers(len(pool)))]


def _activated(g: Graph, x: Tensor) -> Tensor:
    kind = g.rng.integers(5)
    return [g.silu, g.leaky, lambda t: g.unary("Relu", t), lambda t: g.unary("Sigmoid", t), lambda t: t][kind](x)


def _conv(g: Graph, pool: list[Tensor]) -> list[Tensor]:
    x = _pick(g, pool)
    kernel = int(g.rng.choice([1, 3, 5]))
    stride = int(g.rng.choice([1, 1, 2])) if min(x.shape[2:]) > 6 else 1
    return [_activated(g, g.conv(x, _channels(g), kernel=kernel, stride=stride))]


def _depthwise(g: Graph, pool: list[Tensor]) -> list[Tensor]:
    x = _pick(g, pool)
    return [_activated(g, g.conv(x, x.channels, kernel=3, groups=x.channels))]


def _residual(g: Graph, pool: list[Tensor]) -> list[Tensor]:
    x = _pick(g, pool)
    twin = g.conv(x, x.channels, kernel=3)
    return [g.add(x, _activated(g, twin))] if g.rng.random() < 0.5 else [g.mul(_activated(g, twin), x)]


def _split(g: Graph, pool: list[Tensor]) -> list[Tensor]:
    x = _pick(g, pool)
    if x.channels < 2:
        return []
    cut = int(g.rng.integers(1, x.channels))
    left, right = g.split(x, [cut, x.channels - cut], 1)
    if g.rng.random() < 0.5:
        return [g.concat([left, right, g.silu(right)])]
    return [left, g.concat([right, left])]


def _concat(g: Graph, pool: list[Tensor]) -> list[Tensor]:
    x = _pick(g, pool)
    others = [t for t in pool if t.shape[2:] == x.shape[2:]][:4]
    return [g.concat([x, *others])]


def _max_pool(g: Graph, pool: list[Tensor]) -> list[Tensor]:
    return [g.max_pool(_pick(g, pool), 5)]


def _upsample(g: Graph, pool: list[Tensor]) -> list[Tensor]:
    x = _pick(g, pool)
    return [g.upsample(x)] if x.shape[2] * x.shape[3] < 600 else []


STEPS = (_conv, _conv, _conv, _depthwise, _residual, _split, _concat, _max_pool, _upsample)
