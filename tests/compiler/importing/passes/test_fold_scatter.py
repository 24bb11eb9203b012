"""Constant scatters become slices and concatenations, or a gather, and still give what ONNX Runtime gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

from tests import onnx_models
from tests.compiler.importing.passes.relax_programs import graph_model, import_model, operators, run_onnx, run_relax
from zcc.compiler.frontend.simplify import simplify
from zcc.compiler.importing.passes.fold_scatter import covered_box, fold_scatter, target_positions
from zcc.compiler.importing.passes.fold_slices import fold_slices

Array = NDArray[Any]


def scatter_model(shape: tuple[int, ...], indices: Array, **attributes: str) -> onnx.ModelProto:
    """Scatter the second input into the first at constant places."""
    updates = (*indices.shape[:-1], *shape[indices.shape[-1] :])
    node = helper.make_node("ScatterND", ["data", "indices", "updates"], ["out"], **attributes)
    inputs = {"data": shape, "updates": updates}
    return graph_model([node], inputs, ("out", shape), {"indices": indices.astype(np.int64)})


def feeds_of(proto: onnx.ModelProto, seed: int = 0) -> dict[str, Array]:
    """Random values for the model's inputs."""
    rng = np.random.default_rng(seed)
    shapes = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in proto.graph.input}
    return {name: rng.random(shape, np.float32) for name, shape in shapes.items()}


def box_indices(*bounds: tuple[int, int]) -> Array:
    """Indices of every element of a box, as an assignment to slices exports them."""
    grid = np.meshgrid(*(np.arange(begin, end) for begin, end in bounds), indexing="ij")
    return np.stack(grid, -1)


BOXES = {
    "start of the last axis": ((1, 3, 4, 9), [(0, 1), (0, 3), (0, 4), (0, 2)]),
    "middle of the last axis": ((1, 3, 4, 9), [(0, 1), (0, 3), (0, 4), (2, 4)]),
    "end of the last axis": ((2, 5), [(0, 2), (3, 5)]),
    "first axis": ((5, 3), [(1, 3), (0, 3)]),
    "corner of two axes": ((4, 5), [(0, 2), (3, 5)]),
    "inside three axes": ((4, 5, 6), [(1, 3), (2, 4), (1, 5)]),
    "everything": ((2, 3), [(0, 2), (0, 3)]),
    "one element": ((3, 3), [(1, 2), (1, 2)]),
    "rows": ((4, 5), [(1, 3)]),
}


@pytest.mark.parametrize("case", BOXES)
def test_boxes_become_slices_and_concat(case: str) -> None:
    shape, bounds = BOXES[case]
    proto = scatter_model(shape, box_indices(*bounds))
    mod = fold_scatter(import_model(proto))
    assert set(operators(mod)) <= {"strided_slice", "concat", "reshape"}
    feeds = feeds_of(proto)
    np.testing.assert_array_equal(run_relax(mod, *feeds.values()), run_onnx(proto, feeds))


def random_indices(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Distinct places, in any order, some of them counted from the end."""
    depth = int(rng.integers(1, len(shape) + 1))
    places = np.stack(np.unravel_index(np.arange(np.prod(shape[:depth])), shape[:depth]), -1)
    chosen = rng.permutation(places)[: rng.integers(1, len(places) + 1)]
    return np.where(rng.random(chosen.shape) < 0.3, chosen - np.array(shape[:depth]), chosen)


@pytest.mark.parametrize("seed", range(6))
def test_any_constant_scatter_equals_onnx_runtime(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 5, rng.integers(1, 5)).tolist())
    proto = scatter_model(shape, random_indices(rng, shape))
    mod = fold_scatter(import_model(proto))
    assert "scatter_nd" not in operators(mod)
    feeds = feeds_of(proto, seed)
    np.testing.assert_array_equal(run_relax(mod, *feeds.values()), run_onnx(proto, feeds))


def test_the_last_of_several_writes_wins() -> None:
    proto = scatter_model((4,), np.array([[1], [3], [1]]))
    data, updates = np.zeros(4, np.float32), np.array([5, 6, 7], np.float32)
    mod = fold_scatter(import_model(proto))
    assert run_relax(mod, data, updates).tolist() == [0, 7, 0, 6]


def test_reductions_and_unknown_indices_stay() -> None:
    added = import_model(scatter_model((4,), np.array([[1], [2]]), reduction="add"))
    assert operators(fold_scatter(added))["scatter_nd"] == 1
    node = helper.make_node("ScatterND", ["data", "places", "updates"], ["out"])
    cast = helper.make_node("Cast", ["where"], ["places"], to=7)
    inputs = {"data": (4,), "where": (2, 1), "updates": (2,)}
    unknown = import_model(graph_model([cast, node], inputs, ("out", (4,)), {}))
    assert operators(fold_scatter(unknown))["scatter_nd"] == 1


def test_indices_out_of_bounds_are_left_alone() -> None:
    assert target_positions(np.array([[4]]), (4,)) is None
    assert target_positions(np.array([[-5]]), (4,)) is None
    proto = scatter_model((4,), np.array([[4]]))
    assert operators(fold_scatter(import_model(proto)))["scatter_nd"] == 1


def test_a_box_out_of_order_is_no_box() -> None:
    positions = target_positions(np.array([[1], [0]]), (3,))
    assert positions is not None and covered_box(positions, (3,)) is None


def test_inplace_decode_becomes_the_plain_one() -> None:
    plain, inplace = (
        fold_slices(fold_scatter(import_model(simplify(onnx_models.build("yolov5", opset=12, inplace=flag)))))
        for flag in (False, True)
    )
    expected = operators(plain)
    # A plain export splits each of its three maps in three; the in-place one slices.
    expected["strided_slice"] += 3 * expected.pop("split")
    found = operators(inplace)
    found["reshape"] = expected["reshape"] = 0
    assert found == expected
