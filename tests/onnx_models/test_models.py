"""Every builder gives a model that ONNX Runtime runs and whose numbers make sense."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from tests import onnx_models
from tests.ort import session as ort_session


def run(proto: onnx.ModelProto, x: NDArray[np.generic]) -> list[NDArray[np.float32]]:
    session = ort_session(proto.SerializeToString())
    results: list[NDArray[np.float32]] = session.run(None, {"images": x})
    return results


def noise(height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).random((1, 3, height, width), np.float32)


@pytest.mark.parametrize("opset", [11, 13, 18, 20])
@pytest.mark.parametrize("family", sorted(onnx_models.DETECTORS))
def test_every_family_runs_at_every_opset(family: str, opset: int) -> None:
    proto = onnx_models.build(family, imgsz=(64, 96), opset=opset)
    (output,) = run(proto, noise(64, 96))
    declared = proto.graph.output[0].type.tensor_type.shape.dim
    assert list(output.shape) == [dim.dim_value for dim in declared]
    assert np.isfinite(output).all() and output.std() > 0


def test_inplace_decode_equals_the_other() -> None:
    x = noise(64, 64)
    plain, inplace = (run(onnx_models.build("yolov5", inplace=flag), x)[0] for flag in (False, True))
    np.testing.assert_allclose(plain, inplace, rtol=1e-5)


@pytest.mark.parametrize("family", sorted(onnx_models.DETECTORS))
def test_half_precision_is_close(family: str) -> None:
    proto = onnx_models.build(family)
    x = noise(64, 64)
    (weights_only,) = run(onnx_models.with_fp16_weights(proto), x)
    (throughout,) = run(onnx_models.with_fp16(proto), x.astype(np.float16))
    assert weights_only.dtype == np.float32 and throughout.dtype == np.float16


@pytest.mark.parametrize("task", sorted(onnx_models.REFUSED))
def test_other_tasks_run(task: str) -> None:
    assert all(np.isfinite(output).all() for output in run(onnx_models.build_refused(task), noise(64, 64)))
