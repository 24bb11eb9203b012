"""Every family of detector, compiled, computes what ONNX Runtime computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.compiler.harness import compile_network, reference
from tests.onnx_models import build
from zcc.compiler.frontend.load import load_model

CASES = {
    "v3": ("yolov3", {}),
    "v3-tiny": ("yolov3-tiny", {"imgsz": (96, 64)}),
    "v5": ("yolov5", {"opset": 11}),
    "v5 in place": ("yolov5", {"inplace": True, "opset": 12}),
    "v5, odd sizes": ("yolov5", {"imgsz": (96, 160), "width": 12, "classes": 3}),
    "v8": ("yolov8", {"opset": 17}),
    "v8, wide": ("yolov8", {"imgsz": (32, 224), "width": 16, "classes": 20}),
    "v8, channels that fill no block": ("yolov8", {"width": 20, "classes": 7}),
    "11": ("yolo11", {"opset": 20, "imgsz": (64, 96)}),
    "11, channels that fill no block": ("yolo11", {"width": 12}),
    "v10, no NMS needed": ("yolov10", {"max_det": 50}),
}


@pytest.mark.parametrize("case", CASES)
def test_network_equals_onnx_runtime(case: str, tmp_path: Path) -> None:
    family, options = CASES[case]
    path = tmp_path / "model.onnx"
    onnx.save(build(family, **options), path)
    proto = load_model(path).proto
    image = np.random.default_rng(3).random((1, 3, *options.get("imgsz", (64, 64))), dtype=np.float32)
    compiled = compile_network(proto, tmp_path)
    expected = reference(proto, image)
    np.testing.assert_allclose(compiled.run(image), expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert not [name for name in compiled.kernels if "scatter" in name]
