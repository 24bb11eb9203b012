"""Files that take several frames at a time are compiled for one, where that is shown to be the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from tests import onnx_models
from tests.compiler.frontend.test_load import run
from tests.onnx_models.variants import with_batch, with_dynamic_axes
from zcc.compiler.frontend.load import prepare
from zcc.compiler.frontend.operators import supported_operators
from zcc.runtime.errors import ModelError, UsageError


@pytest.mark.parametrize("family", ["yolov5", "yolo11"])
@pytest.mark.parametrize("frames", [2, 4])
def test_a_batch_becomes_one_frame(family: str, frames: int, tmp_path: Path) -> None:
    single = onnx_models.build(family)
    onnx.save(with_batch(single, frames), str(tmp_path / "model.onnx"))
    model = prepare(tmp_path / "model.onnx", None, None, supported_operators())
    assert model.batch == 1 and model.notes == (
        f"the file takes {frames} frames at a time; compiled for one a call, and `many` runs several",
    )
    image = np.random.default_rng(2).random((1, 3, 64, 64), np.float32)
    np.testing.assert_allclose(run(model.proto, image, "output0"), run(single, image, "output0"), rtol=1e-3, atol=1e-3)


def test_a_call_is_for_as_many_frames_as_are_asked_for(tmp_path: Path) -> None:
    onnx.save(with_batch(onnx_models.build("yolov8"), 2), str(tmp_path / "two.onnx"))
    as_it_comes = with_dynamic_axes(with_batch(onnx_models.build("yolov8"), 0), size=False)
    onnx.save(as_it_comes, str(tmp_path / "any.onnx"))
    for name, frames, takes in (("two", 2, "2 frames"), ("any", 3, "any number of frames")):
        model = prepare(tmp_path / f"{name}.onnx", None, None, supported_operators(), frames=frames)
        assert model.batch == frames
        assert model.notes == (f"the file takes {takes} at a time; compiled for {frames} a call",)


@pytest.mark.parametrize(("frames", "takes"), [(1, "1 frame"), (2, "2 frames")])
def test_another_number_than_the_file_takes_is_refused(frames: int, takes: str, tmp_path: Path) -> None:
    single = onnx_models.build("yolov8")
    onnx.save(with_batch(single, frames) if frames > 1 else single, str(tmp_path / "model.onnx"))
    with pytest.raises(UsageError, match=f"takes {takes} at a time, --batch asks for 3"):
        prepare(tmp_path / "model.onnx", None, None, supported_operators(), frames=3)


def test_frames_that_depend_on_each_other_are_refused(tmp_path: Path) -> None:
    proto = with_batch(onnx_models.build("yolov8"), 2)
    name = proto.graph.node[-1].input[0]
    proto.graph.node.insert(
        len(proto.graph.node) - 1, helper.make_node("ReduceMean", [name], ["mean"], axes=[0], keepdims=1)
    )
    proto.graph.node.insert(len(proto.graph.node) - 1, helper.make_node("Add", [name, "mean"], ["mixed"]))
    proto.graph.node[-1].input[0] = "mixed"
    onnx.save(proto, str(tmp_path / "model.onnx"))
    with pytest.raises(ModelError, match="2 frames at a time, and its answer to one depends on the others"):
        prepare(tmp_path / "model.onnx", None, None, supported_operators())
