"""What a task reads beside the network's convolutions stays in floats, whatever the precision."""

from __future__ import annotations

import onnx
import pytest

from tests.compiler.precision.test_networks import WIDE
from tests.onnx_models.tasks import build_task
from zcc.compiler.frontend.load import load_model
from zcc.compiler.importing.imported import Imported, import_model
from zcc.compiler.ir.ops import Conv
from zcc.compiler.ir.quantisation import IMAGE
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.table import find_precision
from zcc.runtime.manifest import InputSpec


@pytest.fixture(scope="module")
def segmenting(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    path = tmp_path_factory.mktemp("segment") / "model.onnx"
    onnx.save(build_task("segment"), path)
    return import_model(load_model(path), InputSpec(64, 64), 300)


@pytest.mark.parametrize(("dtype", "halves"), [("bf16", False), ("fp16", True), ("int8", False)])
def test_prototypes_and_maps_are_floats(dtype: str, halves: bool, segmenting: Imported) -> None:
    network = segmenting.network()
    names = {tensor.name for op in network.ops for tensor in (*op.inputs, *op.outputs) if tensor.is_map}
    calibration = Calibration({**dict.fromkeys(names, WIDE), network.image.name: IMAGE}, {})
    made = find_precision(dtype).convert(network, calibration, (), 0, halves)
    assert made.prototypes is not None and len(made.maps) == 9, "boxes, scores and coefficients of three scales"
    assert {tensor.dtype for tensor in (made.prototypes, *made.maps)} == {"float32"}
    read = [op.x.dtype for op in made.ops if isinstance(op, Conv)]
    assert read.count("float32") <= 1, "at most the image is read in floats"
