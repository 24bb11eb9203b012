"""Attention that looks at some points of maps, as RT-DETR's decoder does, against ONNX Runtime."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
import onnx

from tests.compiler.harness import compile_network, reference
from tests.onnx_models.graph import Graph, Tensor

GROUPS, CHANNELS, QUERIES, POINTS = 2, 8, 5, 3
SIDES = ((8, 12), (4, 6))


def taken(g: Graph, x: Tensor, begin: int, *shape: int) -> Tensor:
    """Some of the numbers of a tensor of one row."""
    return g.reshape(g.slice(x, begin, begin + prod(shape), 1), *shape)


def decoder() -> onnx.ModelProto:
    """Two maps, sampled at places that are made of what is in them, some of them beyond the edges."""
    g = Graph((32, 48), 16, 7)
    maps = [g.conv(g.images, GROUPS * CHANNELS, stride, stride, pad=0) for stride in (4, 8)]
    rows = [g.transpose(g.reshape(x, 1, GROUPS * CHANNELS, prod(x.shape[2:])), [0, 2, 1]) for x in maps]
    values = g.concat(rows, 1)
    pixels = values.shape[1]
    turned = g.transpose(g.reshape(values, 1, pixels, GROUPS, CHANNELS), [0, 2, 3, 1])
    planes, numbers = g.reshape(turned, GROUPS, CHANNELS, pixels), g.reshape(values, 1, pixels * GROUPS * CHANNELS)
    samples, first = [], 0
    for level, (height, width) in enumerate(SIDES):
        plane = g.reshape(g.slice(planes, first, first + height * width, 2), GROUPS, CHANNELS, height, width)
        grid = taken(g, numbers, 60 * level, GROUPS, QUERIES, POINTS, 2)
        name = g.op("GridSample", [plane.name, grid.name], mode="bilinear", padding_mode="zeros", align_corners=0)[0]
        samples.append(Tensor(name, (GROUPS, CHANNELS, QUERIES, POINTS)))
        first += height * width
    weights = taken(g, numbers, 200, GROUPS, 1, QUERIES, 2 * POINTS)
    weighed = g.op("Mul", [g.concat(samples, 3).name, weights.name])
    total = g.op("ReduceSum", [*weighed, g.ints(3)], keepdims=0)
    return g.finish({"output": Tensor(total[0], (GROUPS, CHANNELS, QUERIES))})


def test_what_maps_hold_at_some_points(tmp_path: Path) -> None:
    proto = decoder()
    image = np.random.default_rng(5).normal(0, 1, (1, 3, 32, 48)).astype(np.float32)
    compiled = compile_network(proto, tmp_path)
    assert f"sampled_mean_{GROUPS}x{CHANNELS}_{QUERIES}x{2 * POINTS}" in compiled.kernels
    assert not any("grid_sample" in kernel for kernel in compiled.kernels)
    np.testing.assert_allclose(compiled.run(image), reference(proto, image), rtol=1e-4, atol=1e-5)
