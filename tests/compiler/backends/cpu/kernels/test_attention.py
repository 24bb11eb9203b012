"""Attention on packed maps against ONNX Runtime, in every way that exporters write it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.compiler.harness import compile_network, reference
from tests.onnx_models.graph import Graph, Tensor


def as_exported(g: Graph, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """What the usual exporters write."""
    scores = g.mul(g.matmul(g.transpose(query, (0, 1, 3, 2)), key), scale)
    return g.matmul(value, g.transpose(g.softmax(scores, 3), (0, 1, 3, 2)))


def scaled_query(g: Graph, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """The scale at the query, as a division."""
    scores = g.matmul(g.transpose(g.binary("Div", query, 1 / scale), (0, 1, 3, 2)), key)
    return g.matmul(value, g.transpose(g.softmax(scores, 3), (0, 1, 3, 2)))


def keys_first(g: Graph, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """Scores with a row for each key, so that nothing is transposed behind the softmax."""
    scores = g.mul(g.matmul(g.transpose(key, (0, 1, 3, 2)), query), scale)
    return g.matmul(value, g.softmax(scores, 2))


def pixels_first(g: Graph, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """Both products with a row for each pixel."""
    scores = g.matmul(g.mul(g.transpose(query, (0, 1, 3, 2)), scale), key)
    return g.transpose(g.matmul(g.softmax(scores, 3), g.transpose(value, (0, 1, 3, 2))), (0, 1, 3, 2))


WRITINGS = {writing.__name__: writing for writing in (as_exported, scaled_query, keys_first, pixels_first)}


def attention_model(
    writing: str, heads: int, key: int, value: int, size: tuple[int, int], gain: float = 1.6
) -> onnx.ModelProto:
    """Attention between convolutions, its values read by a positional convolution too."""
    g = Graph(size, 13, seed=7)
    height, width = size
    maps = g.conv(g.conv(g.images, 10, 3), heads * (2 * key + value), gain=gain)
    parts = g.split(g.reshape(maps, 1, heads, 2 * key + value, height * width), [key, key, value], 2)
    mixed = g.reshape(WRITINGS[writing](g, *parts, key**-0.5), 1, heads * value, height, width)
    position = g.conv(g.reshape(parts[2], 1, heads * value, height, width), heads * value, 3, groups=heads * value)
    return g.finish({"output": g.conv(g.add(mixed, position), 6)})


def area_model(heads: int, areas: int, key: int, value: int, size: tuple[int, int]) -> onnx.ModelProto:
    """Attention within areas, which are runs of pixels: the maps go there and back by way of their pixels."""
    g = Graph(size, 13, seed=7)
    (height, width), channels = size, 2 * key + value
    pixels = height * width
    maps = g.conv(g.conv(g.images, 10, 3), heads * channels)
    rows = g.transpose(g.reshape(maps, 1, heads * channels, pixels), (0, 2, 1))
    grouped = g.transpose(g.reshape(rows, areas, pixels // areas, heads, channels), (0, 2, 3, 1))
    parts = g.split(grouped, [key, key, value], 2)

    def gathered(part: Tensor) -> Tensor:
        rows = g.reshape(g.transpose(part, (0, 3, 1, 2)), 1, height, width, heads * value)
        return g.transpose(rows, (0, 3, 1, 2))

    position = g.conv(gathered(parts[2]), heads * value, 7, groups=heads * value)
    mixed = gathered(as_exported(g, *parts, key**-0.5))
    return g.finish({"output": g.conv(g.add(mixed, position), 6)})


def check(proto: onnx.ModelProto, size: tuple[int, int], folder: Path, target: str | None = None) -> None:
    """The compiled network is one attention kernel, packed from end to end, and right."""
    image = np.random.default_rng(1).normal(0, 1, (1, 3, *size)).astype(np.float32)
    compiled = compile_network(proto, folder, target, optimised=True)
    assert sum(name.startswith("attention") for name in compiled.kernels) == 1
    assert not [name for name in compiled.kernels[:-1] if name.startswith(("pack", "unpack", "generic", "shuffle"))]
    np.testing.assert_allclose(compiled.run(image), reference(proto, image), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("writing", WRITINGS)
def test_every_way_to_write_it(writing: str, tmp_path: Path) -> None:
    size = (4, 6)
    check(attention_model(writing, 2, 8, 16, size), size, tmp_path)


@pytest.mark.parametrize(
    ("heads", "key", "value", "size"),
    [
        (2, 32, 64, (20, 20)),  # yolo11n at 640
        (1, 5, 9, (7, 11)),
        (3, 17, 33, (1, 1)),
        (4, 16, 16, (1, 13)),
        (2, 20, 100, (19, 2)),
    ],
)
def test_shapes(heads: int, key: int, value: int, size: tuple[int, int], tmp_path: Path) -> None:
    check(attention_model("as_exported", heads, key, value, size), size, tmp_path)


@pytest.mark.parametrize("target", [None, "x86-64-v3"])
@pytest.mark.parametrize(
    ("heads", "areas", "key", "value", "size"),
    [
        (2, 4, 32, 32, (8, 10)),  # as yolo12n has it, on a smaller map
        (2, 1, 8, 8, (3, 5)),
        (1, 3, 5, 9, (9, 7)),
        (3, 5, 20, 36, (5, 1)),
    ],
)
def test_areas(
    heads: int, areas: int, key: int, value: int, size: tuple[int, int], target: str | None, tmp_path: Path
) -> None:
    check(area_model(heads, areas, key, value, size), size, tmp_path, target)


def test_areas_that_end_within_a_row_are_no_attention_kernel_but_right(tmp_path: Path) -> None:
    size = (3, 4)
    proto = area_model(2, 2, 8, 8, size)
    image = np.random.default_rng(1).normal(0, 1, (1, 3, *size)).astype(np.float32)
    compiled = compile_network(proto, tmp_path, optimised=True)
    assert not [name for name in compiled.kernels if name.startswith("attention")]
    np.testing.assert_allclose(compiled.run(image), reference(proto, image), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("target", ["x86-64-v2", "x86-64-v3"])
def test_narrower_vectors(target: str, tmp_path: Path) -> None:
    size = (5, 7)
    check(attention_model("as_exported", 2, 12, 20, size), size, tmp_path, target)


def test_scores_that_overflow_a_plain_exponential(tmp_path: Path) -> None:
    size = (3, 5)
    check(attention_model("as_exported", 2, 8, 8, size, gain=30.0), size, tmp_path)
