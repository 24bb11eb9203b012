"""Shapes that could mean several things are told apart by numbers, structure, names and counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from zcc.compiler.frontend.find_head import STRIDES, find_head, per_cell
from zcc.runtime.errors import ModelError, UsageError

Array = NDArray[Any]

SIZE = (640, 640)
POINTS, ANCHORS = 8400, 25200
TINY_ANCHORS = 6000  # strides 16 and 32, three in a cell


def decoded(shape: tuple[int, ...], columns: bool = False) -> list[Array]:
    """Two samples of boxes in pixels and scores."""
    rng = np.random.default_rng(0)
    samples = [rng.random(shape, np.float32) for _ in range(2)]
    for sample in samples:
        (sample[:, :4] if columns else sample[..., :4])[:] *= 640
    return samples


def finished(rows: int) -> list[Array]:
    """Two samples of detections."""
    samples = decoded((1, rows, 6))
    for sample in samples:
        sample[..., 5] = np.arange(rows) % 3
    return samples


def graph(outputs: list[str], operator: str = "Identity") -> onnx.ModelProto:
    """A model whose outputs come from one operator."""
    nodes = [helper.make_node(operator, ["images"], [name]) for name in outputs]
    declare = helper.make_tensor_value_info
    image = declare("images", TensorProto.FLOAT, (1, 3, *SIZE))
    values = [declare(name, TensorProto.FLOAT, None) for name in outputs]
    return helper.make_model(helper.make_graph(nodes, "g", [image], values))


def head_of(samples: list[Array], classes: int | None = None, size: tuple[int, int] = SIZE) -> tuple[str, int]:
    """Family and classes that a single output is read as."""
    found = find_head(graph(["out"]), {"out": samples}, size, classes)
    return found.family, found.classes


@pytest.mark.parametrize(
    ("shape", "classes", "expected"),
    [
        ((1, ANCHORS, 85), None, ("anchor-based", 80)),
        ((1, POINTS, 85), None, ("anchor-free-rows", 81)),
        ((1, POINTS, 85), 80, ("anchor-based", 80)),  # objectness with one candidate in a cell
        ((1, ANCHORS, 85), 81, ("anchor-free-rows", 81)),
        ((1, 84, POINTS), None, ("anchor-free", 80)),
        ((1, 84, POINTS), 80, ("anchor-free", 80)),
        ((1, TINY_ANCHORS, 85), None, ("anchor-based", 80)),
        ((1, ANCHORS, 6), None, ("anchor-based", 1)),
        ((1, POINTS, 6), None, ("anchor-free-rows", 2)),
        ((1, 6, POINTS), None, ("anchor-free", 2)),
        ((1, 5, POINTS), None, ("anchor-free", 1)),
        ((1, POINTS // 3, 12), 8, ("anchor-free-rows", 8)),  # a count no grid has: the names decide
    ],
)
def test_raw_candidates(shape: tuple[int, ...], classes: int | None, expected: tuple[str, int]) -> None:
    assert head_of(decoded(shape, columns=shape[1] < shape[2]), classes) == expected


def test_the_layout_is_seen_in_the_numbers_where_both_fit() -> None:
    """80 classes at 64x64: 84 candidates of 84 numbers."""
    assert head_of(decoded((1, 84, 84), columns=True), size=(64, 64)) == ("anchor-free", 80)
    assert head_of(decoded((1, 84, 84)), size=(64, 64)) == ("anchor-free-rows", 80)


def test_final_rows_are_believed_where_they_cannot_be_candidates() -> None:
    assert head_of(finished(300), classes=3) == ("end-to-end", 3)
    with pytest.raises(ModelError, match="does not show how many classes"):
        head_of(finished(300))
    with pytest.raises(ModelError, match="no output is a detection head"):
        head_of(finished(POINTS))


def test_selected_rows_are_final_whatever_their_number() -> None:
    for rows in (300, POINTS):
        found = find_head(graph(["out"], "TopK"), {"out": finished(rows)}, SIZE, 3)
        assert found.final and found.classes == 3


def test_numbers_beyond_scores_are_refused() -> None:
    keypoints = decoded((1, 56, POINTS), columns=True)
    keypoints[1][0, 20:] *= 640
    with pytest.raises(ModelError, match="no output is a detection head"):
        head_of(keypoints)
    shapes = {"out": decoded((1, 1000)), "mask": decoded((1, 32, 160, 160))}
    with pytest.raises(ModelError, match=r"out \(1, 1000\), mask \(1, 32, 160, 160\)"):
        find_head(graph(["out", "mask"]), shapes, SIZE, None)


def test_shapes_that_change_with_the_image_are_no_head() -> None:
    with pytest.raises(ModelError, match="no output is a detection head"):
        head_of([decoded((1, ANCHORS, 85))[0], decoded((1, POINTS, 85))[0]])


def test_names_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="3 class names do not fit the model's 80 classes"):
        head_of(decoded((1, 84, POINTS), columns=True), classes=3)


def test_what_nothing_decides_asks_for_names() -> None:
    with pytest.raises(ModelError, match="--classes FILE"):
        head_of(decoded((1, 1234, 85)))


def test_two_heads_are_one_too_many() -> None:
    both = {name: decoded((1, 84, POINTS), columns=True) for name in ("one", "two")}
    with pytest.raises(ModelError, match=r"80 classes \(one\) or .* 80 classes \(two\)"):
        find_head(graph(["one", "two"]), both, SIZE, None)


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (320, 480), (640, 640), (1280, 736), (8192, 32)])
def test_anchors_and_points_are_never_confused(size: tuple[int, int]) -> None:
    fitting = [stride for stride in STRIDES if size[0] % stride == 0 and size[1] % stride == 0]
    cells = [size[0] // stride * (size[1] // stride) for stride in fitting]
    for first in range(len(cells)):
        for last in range(first + 2, len(cells) + 1):
            for each in (1, 3):
                assert per_cell(each * sum(cells[first:last]), size) == each
