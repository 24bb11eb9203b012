"""Pairs taken out of models that ONNX Runtime quantised, and of models written by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.onnx_models import build
from tests.onnx_models.quantised import add_pair, around_convolutions, by_onnxruntime, chain, pictures
from tests.onnx_models.variants import with_relu
from tests.ort import session as ort_session
from zcc.compiler.frontend.load import load_model
from zcc.compiler.frontend.qdq import PAIR, take_out
from zcc.compiler.ir.quantisation import Quantisation
from zcc.runtime.errors import ModelError

Array = NDArray[Any]
LOW_CONTRAST = np.linspace(0, 1, 3 * 16 * 16, dtype=np.float32).reshape(1, 3, 16, 16)


def run(proto: onnx.ModelProto, image: Array) -> Array:
    session = ort_session(proto.SerializeToString())
    return np.asarray(session.run(None, {proto.graph.input[0].name: image})[0])


def pair_scales(proto: onnx.ModelProto) -> dict[str, float]:
    """What the file says about its maps: the scale of every value that is rounded at run time."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    constant = {name for node in proto.graph.node if node.op_type == "Constant" for name in node.output} | values.keys()
    rounded = [node for node in proto.graph.node if node.op_type == "QuantizeLinear" and node.input[0] not in constant]
    return {node.input[0]: float(values[node.input[1]].item()) for node in rounded}


@pytest.mark.parametrize(
    ("family", "maps"), [("yolov3-tiny", "u8"), ("yolov5", "s8"), ("yolov8", "u8"), ("yolo11", "s8")]
)
def test_no_pair_is_left_and_every_scale_is_known(family: str, maps: str, tmp_path: Path) -> None:
    quantised = by_onnxruntime(build(family, width=4), tmp_path, maps, head=True)
    taken, known = take_out(quantised)
    assert not [node for node in taken.graph.node if node.op_type in PAIR]
    # A map that was cut goes by the name that it has behind the cut.
    cut = {node.input[0]: node.output[0] for node in taken.graph.node if node.output[0] in known}
    expected = pair_scales(quantised)
    assert {name: known[cut.get(name, name)].scale for name in expected} == expected
    onnx.checker.check_model(taken, full_check=True)


def test_rounded_weights_are_those_of_the_file(tmp_path: Path) -> None:
    original = build("yolov8", width=4)
    taken, _ = take_out(by_onnxruntime(original, tmp_path))
    plain = {tensor.name: numpy_helper.to_array(tensor) for tensor in original.graph.initializer}
    before = {node.name: node for node in original.graph.node}
    kept = {tensor.name: numpy_helper.to_array(tensor) for tensor in taken.graph.initializer}
    convs = [node for node in taken.graph.node if node.op_type == "Conv"]
    assert len(convs) > 50
    for node in convs:
        weight, wanted = kept[node.input[1]], plain[before[node.name].input[1]]
        if len(weight) > 1:
            steps = np.abs(wanted).max(axis=(1, 2, 3), keepdims=True) / 127
            assert 0 < np.abs((weight - wanted) / steps).max() <= 0.5001


def test_a_model_without_pairs_stays_as_it_is() -> None:
    proto = build("yolov5")
    taken, known = take_out(proto)
    assert taken is proto and not known


@pytest.mark.parametrize(("zero", "dtype"), [(0, np.uint8), (-128, np.int8)])
def test_a_relu_that_the_bytes_stand_for_stays(zero: int, dtype: type) -> None:
    """Quantisers take activations out where the bytes reach from zero: nothing below, nothing beyond."""
    proto = chain(zero=zero, dtype=dtype, scale=0.004)
    taken, known = take_out(proto)
    image = LOW_CONTRAST
    np.testing.assert_allclose(run(taken, image), run(proto, image), atol=0.05)
    without = [node for node in taken.graph.node if node.op_type == "Conv"]
    assert without[1].input[0] in known
    assert known[without[1].input[0]] == Quantisation(float(np.float32(0.004)), 0)


def test_bytes_with_room_below_zero_are_no_relu() -> None:
    taken, known = take_out(chain(zero=128))
    assert not [node for node in taken.graph.node if node.op_type == "Clip"]
    assert known["a"] == Quantisation(float(np.float32(0.05)), 128)


def test_nothing_is_cut_behind_what_is_never_negative(tmp_path: Path) -> None:
    kept = by_onnxruntime(with_relu(build("yolov5", width=4)), tmp_path, QDQKeepRemovableActivations=True)
    taken, known = take_out(kept)
    makers = {name: node.op_type for node in taken.graph.node for name in node.output}
    from_zero = {makers[name] for name, held in known.items() if held.zero_point == 0 and name in makers}
    assert {"Relu", "MaxPool", "Concat"} <= from_zero
    cut = {makers[node.input[0]] for node in taken.graph.node if node.op_type == "Clip"}
    assert cut == {"Conv"}


def test_every_relu_that_was_taken_out_is_back(tmp_path: Path) -> None:
    original = with_relu(build("yolov5", width=4))
    count = Counter(node.op_type for node in original.graph.node)["Relu"]
    quantised = by_onnxruntime(original, tmp_path)
    assert not [node for node in quantised.graph.node if node.op_type == "Relu"]
    taken, _ = take_out(quantised)
    assert Counter(node.op_type for node in taken.graph.node)["Clip"] == count


def test_several_roundings_of_one_map_become_the_widest() -> None:
    proto = chain(zero=100, scale=0.02)
    wider = add_pair(proto, "a", "other", np.float32(0.03), np.uint8(90))
    proto.graph.node.extend([*wider, helper.make_node("Add", ["other_real", "out"], ["sum"])])
    proto.graph.output[0].name = "sum"
    _, known = take_out(proto)
    assert known == {"a": Quantisation(float(np.float32(0.03)), 90)}


def test_the_whole_front_end_reads_what_trainers_write(tmp_path: Path) -> None:
    original = build("yolov8")
    path = tmp_path / "model.onnx"
    onnx.save(around_convolutions(original), path)
    model = load_model(path)
    assert model.head.family == "anchor-free"
    assert {held.zero_point for held in model.quantisations.values()} == {128}
    for image in pictures(original):
        expected = run(original, image)
        assert np.abs(run(model.proto, image) - expected).max() <= 0.05 * np.abs(expected).max()


# ---- what is refused


def _quantisers(proto: onnx.ModelProto) -> tuple[onnx.NodeProto, onnx.NodeProto]:
    first, second = (node for node in proto.graph.node if node.op_type in PAIR)
    return first, second


def _other_scale(proto: onnx.ModelProto) -> None:
    proto.graph.initializer.append(numpy_helper.from_array(np.float32(0.1), "other"))
    _quantisers(proto)[1].input[1] = "other"


def _computed_scale(proto: onnx.ModelProto) -> None:
    proto.graph.node.insert(0, helper.make_node("ReduceMax", ["images"], ["computed"], keepdims=0))
    _quantisers(proto)[0].input[1] = "computed"


def _bytes_pooled(proto: onnx.ModelProto) -> None:
    _, second = _quantisers(proto)
    pool = helper.make_node("MaxPool", [second.input[0]], ["pooled"], name="pool", kernel_shape=[1, 1])
    proto.graph.node.insert(list(proto.graph.node).index(second), pool)
    second.input[0] = "pooled"


def _bytes_given(proto: onnx.ModelProto) -> None:
    first, _ = _quantisers(proto)
    proto.graph.output[0].CopyFrom(helper.make_tensor_value_info(first.output[0], TensorProto.UINT8, (1, 8, 16, 16)))


def _sixteen_bits(proto: onnx.ModelProto) -> None:
    zero = next(tensor for tensor in proto.graph.initializer if tensor.name == "map_zero")
    zero.CopyFrom(numpy_helper.from_array(np.int16(0), "map_zero"))


def _per_channel(proto: onnx.ModelProto) -> None:
    for tensor, value in ((t, v) for t in proto.graph.initializer for v in (t.name,) if v.startswith("map_")):
        wide = np.full(8, numpy_helper.to_array(tensor))
        tensor.CopyFrom(numpy_helper.from_array(wide, value))


def _no_first_half(proto: onnx.ModelProto) -> None:
    first, _ = _quantisers(proto)
    cast = helper.make_node("Cast", [first.input[0]], [first.output[0]], to=TensorProto.UINT8)
    proto.graph.node.insert(list(proto.graph.node).index(first), cast)
    proto.graph.node.remove(first)


REFUSED: dict[str, tuple[Callable[[onnx.ModelProto], None], str]] = {
    "the halves differ": (_other_scale, "another scale"),
    "a scale of its own for every picture": (_computed_scale, "not from a constant"),
    "bytes are pooled": (_bytes_pooled, "MaxPool .'pool'. reads the bytes"),
    "bytes come out": (_bytes_given, "output reads the bytes"),
    "16 bits": (_sixteen_bits, "int16"),
    "a scale per channel of a map": (_per_channel, "8 scales for one map"),
    "a second half alone": (_no_first_half, "which no QuantizeLinear makes"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_taken_out_is_one_line(what: str) -> None:
    proto = chain(zero=10)
    spoil, words = REFUSED[what]
    spoil(proto)
    with pytest.raises(ModelError, match=words) as raised:
        take_out(proto)
    assert "QDQ format" in raised.value.remedy


@pytest.mark.parametrize(
    ("options", "kind"), [({"qdq": False}, "QLinear"), ({"maps": "s16", "UseQDQContribOps": True}, "QuantizeLinear")]
)
def test_other_ways_to_quantise_are_named(options: dict[str, Any], kind: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(by_onnxruntime(build("yolov3-tiny", width=4), tmp_path, **options), path)
    with pytest.raises(ModelError, match=f"another kind: .*{kind}") as raised:
        load_model(path)
    assert "QDQ format" in raised.value.remedy


def test_missing_zero_points_are_zero(tmp_path: Path) -> None:
    proto = chain(scale=0.02)
    for node in _quantisers(proto):
        del node.input[2:]
    taken, known = take_out(proto)
    assert list(known.values()) == [Quantisation(float(np.float32(0.02)), 0)]
    image = LOW_CONTRAST
    np.testing.assert_allclose(run(taken, image), run(proto, image), atol=0.3)
