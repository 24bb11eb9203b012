"""Single quantisers against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

from tests.ort import session as ort_session
from zcc.compiler.frontend.rounding import read_rounding
from zcc.compiler.ir.quantisation import SMALLEST_SCALE, Quantisation
from zcc.runtime.errors import ModelError

Array = NDArray[Any]


def run(node: onnx.NodeProto, inputs: dict[str, Array]) -> Array:
    """What ONNX Runtime makes of the node."""
    inputs = {name: np.asarray(value) for name, value in inputs.items()}
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in inputs.items()
    ]
    graph = helper.make_graph([node], "one", values, [helper.make_empty_tensor_value_info("y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    session = ort_session(model.SerializeToString())
    return np.asarray(session.run(None, inputs)[0])


def node(kind: str, inputs: dict[str, Array], **attributes: int) -> onnx.NodeProto:
    return helper.make_node(kind, list(inputs), ["y"], name="it", **attributes)


SHAPE = (4, 3, 5, 6)
PARAMETERS = [((), {}), ((1,), {}), ((4,), {"axis": 0}), ((3,), {}), ((6,), {"axis": -1})]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("shape", "attributes"), PARAMETERS)
def test_constants_round_as_onnx_runtime_rounds(dtype: Any, shape: tuple[int, ...], attributes: dict[str, int]) -> None:
    rng = np.random.default_rng(len(shape))
    limits = np.iinfo(dtype)
    inputs = {
        # Halves, whole numbers and what lies far outside.
        "x": (np.rint(rng.normal(0, 300, SHAPE) * 2) / 8).astype(np.float32),
        "scale": (2.0 ** rng.integers(-4, 1, shape)).astype(np.float32),
        "zero": rng.integers(limits.min, limits.max + 1, shape).astype(dtype),
    }
    quantiser = node("QuantizeLinear", inputs, **attributes)
    actual = read_rounding(quantiser, inputs).quantised(inputs["x"])
    np.testing.assert_array_equal(actual, run(quantiser, inputs))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32])
@pytest.mark.parametrize(("shape", "attributes"), PARAMETERS)
def test_constants_stand_for_what_onnx_runtime_says(
    dtype: Any, shape: tuple[int, ...], attributes: dict[str, int]
) -> None:
    rng = np.random.default_rng(len(shape))
    limits = np.iinfo(dtype)
    inputs = {
        "x": rng.integers(limits.min, limits.max, SHAPE, endpoint=True).astype(dtype),
        "scale": rng.uniform(1e-3, 2, shape).astype(np.float32),
        "zero": np.zeros(shape, dtype) if dtype is np.int32 else rng.integers(0, 120, shape).astype(dtype),
    }
    quantiser = node("DequantizeLinear", inputs, **attributes)
    actual = read_rounding(quantiser, inputs).dequantised(inputs["x"])
    np.testing.assert_array_equal(actual, run(quantiser, inputs))


def test_without_a_zero_point_it_is_zero() -> None:
    inputs = {"x": np.arange(-3, 600, dtype=np.float32), "scale": np.float32(2).reshape(())}
    quantiser = node("QuantizeLinear", inputs)
    np.testing.assert_array_equal(read_rounding(quantiser, inputs).quantised(inputs["x"]), run(quantiser, inputs))
    assert read_rounding(quantiser, inputs).of_map() == Quantisation(2.0, 0)


@pytest.mark.parametrize(("zero", "expected"), [(np.uint8(7), 7), (np.int8(-128), 0), (np.int8(0), 128)])
def test_bytes_of_maps_are_unsigned(zero: Any, expected: int) -> None:
    inputs = {"x": np.zeros(1), "scale": np.float32([0.25]), "zero": np.asarray(zero)}
    assert read_rounding(node("QuantizeLinear", inputs), inputs).of_map() == Quantisation(0.25, expected)


def test_a_scale_too_small_to_divide_by_is_widened() -> None:
    inputs = {"x": np.zeros(1), "scale": np.float32([1e-40])}
    assert read_rounding(node("QuantizeLinear", inputs), inputs).of_map().scale == SMALLEST_SCALE


@pytest.mark.parametrize(
    ("scale", "zero", "words"),
    [
        (np.float32([0]), np.uint8([0]), "no positive number"),
        (np.float32([-1]), np.uint8([0]), "no positive number"),
        (np.float32([np.nan]), np.uint8([0]), "no positive number"),
        (np.float32([]), np.uint8([]), "no positive number"),
        (np.float64([1]), np.uint8([0]), "no positive number"),
        (np.float32([1, 2]), np.uint8([0, 0]), "2 scales for one map"),
        (np.float32([1]), np.int16([0]), "int16"),
        (np.float32([1]), np.float32([0]), "float32"),
    ],
)
def test_what_no_map_of_bytes_can_have_is_named(scale: Array, zero: Array, words: str) -> None:
    inputs = {"x": np.zeros(1), "scale": scale, "zero": zero}
    with pytest.raises(ModelError, match=f"QuantizeLinear 'it'.*{words}"):
        read_rounding(node("QuantizeLinear", inputs), inputs).of_map()


@pytest.mark.parametrize("shape", [(2,), (0,), (4, 3)])
def test_scales_that_do_not_fit_the_numbers_are_named(shape: tuple[int, ...]) -> None:
    inputs = {"x": np.zeros(SHAPE, np.int8), "scale": np.float32([0.5]), "zero": np.zeros(shape, np.int8)}
    with pytest.raises(ModelError, match="scales for numbers of shape"):
        read_rounding(node("DequantizeLinear", inputs), inputs).dequantised(inputs["x"])


def test_a_scale_that_is_computed_is_refused() -> None:
    quantiser = helper.make_node("QuantizeLinear", ["x", "scale"], ["y"], name="it")
    with pytest.raises(ModelError, match=r"'it' takes its scale from .*scale.*, not from a constant"):
        read_rounding(quantiser, {})
