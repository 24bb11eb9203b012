"""Models that other tools quantised, all the way to integer kernels, against ONNX Runtime running the same file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from tests.compiler.harness import Compiled, build_network, reference
from tests.compiler.loaded import load_here
from tests.onnx_models import build
from tests.onnx_models.quantised import around_convolutions, by_onnxruntime
from tests.onnx_models.variants import with_relu
from zcc.compiler.backends.cpu.kernels.int8_conv import Int8Conv, ShortSumConv
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.compiler.building.calibration import calibration_of
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.compiler.importing.imported import Imported, import_model
from zcc.compiler.ir.ops import Network, QuantisedConv
from zcc.compiler.ir.quantisation import IMAGE, Quantisation
from zcc.compiler.precision.int8 import quantise
from zcc.registry import Registry
from zcc.runtime.errors import UsageError
from zcc.runtime.manifest import InputSpec

SIZE = (64, 96)
Maker = Callable[[onnx.ModelProto, Path], onnx.ModelProto]
Quantised = Callable[[str], tuple[onnx.ModelProto, Imported]]

STYLES: dict[str, tuple[str, Maker]] = {
    "unsigned": ("yolov8", lambda proto, folder: by_onnxruntime(proto, folder)),
    "signed": ("yolov3-tiny", lambda proto, folder: by_onnxruntime(proto, folder, "s8")),
    "symmetric": ("yolov3-tiny", lambda proto, folder: by_onnxruntime(proto, folder, "s8", ActivationSymmetric=True)),
    "around convolutions": ("yolov3-tiny", lambda proto, folder: around_convolutions(proto)),
    "ReLU taken out": ("yolov5", lambda proto, folder: by_onnxruntime(proto, folder)),
}


def detector(style: str) -> onnx.ModelProto:
    proto = build(STYLES[style][0], imgsz=SIZE, width=4)
    return with_relu(proto) if style.startswith("ReLU") else proto


def imported(proto: onnx.ModelProto, folder: Path) -> Imported:
    path = folder / "model.onnx"
    onnx.save(proto, path)
    model = load_here(path)
    return import_model(model, InputSpec(model.height, model.width), 10)


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Quantised:
    """The detector of a style as its tool quantised it, and as we imported that: once for all tests."""

    @cache
    def made(style: str) -> tuple[onnx.ModelProto, Imported]:
        folder = tmp_path_factory.mktemp("quantised")
        other = STYLES[style][1](detector(style), folder)
        return other, imported(other, folder)

    return made


def integers(source: Imported, words: int = 0) -> Network:
    calibration = calibration_of(source)
    assert calibration is not None
    return quantise(source.network(), calibration.quantisations, calibration.means, calibration.floating, words)


def compiled(source: Imported, folder: Path) -> Compiled:
    return build_network(integers(source), folder, native_target())


def black_and_white() -> NDArray[np.float32]:
    """Pixels that all quantisers hold exactly, of a contrast that none of them was calibrated on."""
    return np.random.default_rng(5).integers(0, 2, (1, 3, *SIZE)).astype(np.float32)


def distance(one: NDArray[Any], other: NDArray[Any], floats: NDArray[Any]) -> float:
    """Root mean square, each attribute by its own spread."""
    candidates = int(np.argmax(floats.shape))
    apart = (one - other) / floats.std(axis=candidates, keepdims=True)
    return float(np.sqrt(np.square(apart, dtype=np.float64).mean()))


@pytest.mark.parametrize("style", STYLES)
def test_integers_are_those_of_onnx_runtime_but_for_rounding(style: str, quantised: Quantised, tmp_path: Path) -> None:
    """Where maps leave the range of their bytes floats are far off; whoever has the same ranges is not."""
    proto, image = detector(style), black_and_white()
    other, source = quantised(style)
    ours, theirs, floats = compiled(source, tmp_path).run(image), reference(other, image), reference(proto, image)
    assert distance(ours, theirs, floats) <= 0.5 * distance(floats, theirs, floats)


def test_decoding_that_was_quantised_too_is_done_in_float(tmp_path: Path) -> None:
    proto = build("yolov3-tiny", imgsz=SIZE, width=4)
    other = by_onnxruntime(proto, tmp_path, head=True)
    source, image = imported(other, tmp_path), black_and_white()
    ours, theirs, floats = compiled(source, tmp_path).run(image), reference(other, image), reference(proto, image)
    assert distance(ours, floats, floats) <= 0.5 * distance(theirs, floats, floats)


@pytest.mark.parametrize("style", STYLES)
def test_every_quantised_convolution_has_the_bytes_of_the_file(style: str, quantised: Quantised) -> None:
    other, source = quantised(style)
    convs = [op for op in integers(source).ops if isinstance(op, QuantisedConv)]
    expected = Counter(row.tobytes() for weight in file_weights(other) for row in weight)
    found = Counter(row.tobytes() for conv in convs for row in conv.quantised.values)
    # The order of channels may change, and shared or decoding convolutions are no part of the network.
    assert len(found) > 100
    assert not found - expected


def file_weights(proto: onnx.ModelProto) -> list[NDArray[np.int8]]:
    """The weights as the pairs of the file round them, in plain numpy."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    quantisers = [node for node in proto.graph.node if node.op_type == "QuantizeLinear" and node.input[0] in values]
    rounded = [
        np.rint(values[node.input[0]] / values[node.input[1]].reshape(-1, 1, 1, 1)).astype(np.int8)
        for node in quantisers
    ]
    return [*rounded, *(value for value in values.values() if value.dtype == np.int8 and value.ndim == 4)]


def test_bytes_of_a_single_layer_equal_those_of_onnx_runtime(tmp_path: Path) -> None:
    """Black and white pixels are exact in both, so that one layer differs by the last rounding alone."""
    other = around_convolutions(build("yolov8", imgsz=SIZE))
    first = next(node.output[0] for node in other.graph.node if node.op_type == "Conv")
    image = np.random.default_rng(1).integers(0, 2, (1, 3, *SIZE)).astype(np.float32)
    network = integers(imported(other, tmp_path))
    [conv] = [op for op in network.ops if isinstance(op, QuantisedConv) and network.image is op.x]
    other.graph.output[0].name = first
    other.graph.output[0].type.tensor_type.ClearField("shape")
    theirs = reference(other, image)
    unit = conv.quantised.scale / 255
    sums = np.rint((theirs - conv.bias.reshape(-1, 1, 1)) / unit.reshape(-1, 1, 1))
    assert (sums % 255 == 0).all()
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image[0], ((0, 0), (1, 1), (1, 1))), (3, 3), (1, 2))
    plain = np.einsum("chwij,ocij->ohw", windows[:, ::2, ::2], conv.quantised.values.astype(np.float64))
    np.testing.assert_array_equal(sums[0] / 255, plain)


def test_bytes_that_do_not_fit_sums_of_16_bits_are_summed_in_32(tmp_path: Path) -> None:
    """Their file's bytes are used in either case; our own choice of the same weights fits."""
    target = TARGETS["x86-64-v3"]
    unit, words = target.unit, target.short_words
    proto = build("yolov3-tiny", imgsz=SIZE, width=16)
    theirs = integers(imported(around_convolutions(proto), tmp_path), words)
    brought = [call.spec for call in lower_network(theirs, unit).calls if isinstance(call.spec, Int8Conv)]
    assert brought and not any(isinstance(spec, ShortSumConv) and spec.short > 1 for spec in brought)
    floats = imported(proto, tmp_path).network()
    maps = {tensor.name for op in floats.ops for tensor in (*op.inputs, *op.outputs) if tensor.is_map}
    scales = {**dict.fromkeys(maps, Quantisation.of_range(-6, 6)), floats.image.name: IMAGE}
    ours = quantise(floats, scales, {}, (), words)
    own = [call.spec for call in lower_network(ours, unit).calls if isinstance(call.spec, Int8Conv)]
    assert own and all(isinstance(spec, ShortSumConv) for spec in own)


def test_layers_left_in_float_are_computed_in_float(tmp_path: Path) -> None:
    proto = around_convolutions(build("yolov3-tiny", imgsz=SIZE, width=4), float_layers=3)
    kernels = Counter(name.split("_")[0] for name in compiled(imported(proto, tmp_path), tmp_path).kernels)
    floats = sum(count for name, count in kernels.items() if name in ("conv", "split") or name.startswith("winograd"))
    assert floats == 3 and kernels["int8"] == 10


def test_a_quantised_model_needs_no_pictures_and_is_int8_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "detector.onnx"
    onnx.save(around_convolutions(build("yolov3-tiny", width=4)), path)
    registry = Registry.open(tmp_path / "registry")
    [result] = compile_model(CompileOptions(path), registry)
    assert result.manifest.dtype == "int8"
    assert set(result.manifest.precision["layers"]) == {"uint8"}
    assert result.manifest.precision["scales"] == "of the model"
    assert result.manifest.precision["weights"].startswith("-127..127")
    assert result.manifest.calibration_digest is None
    [again, exact] = compile_model(CompileOptions(path, dtypes=("int8", "fp32")), registry)
    assert again.reused and exact.manifest.precision["layers"].keys() == {"float32"}


def test_other_models_still_need_pictures(tmp_path: Path) -> None:
    path = tmp_path / "detector.onnx"
    onnx.save(build("yolov3-tiny", width=4), path)
    with pytest.raises(UsageError, match="pictures"):
        compile_model(CompileOptions(path, dtypes=("int8",)), Registry.open(tmp_path / "registry"))
