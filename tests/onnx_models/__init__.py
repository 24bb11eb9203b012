"""Small ONNX detectors that have the structure of real exports, built without torch and with seeded weights.

    proto = build("yolov5", imgsz=(64, 96), classes=7, opset=12, inplace=True)

Widths are tiny so that a whole test costs milliseconds; layers, heads and export quirks are the real ones.
"""

from __future__ import annotations

from tests.onnx_models.detectors import DETECTORS, build
from tests.onnx_models.refused import REFUSED, build_refused
from tests.onnx_models.variants import (
    save_with_external_data,
    with_dynamic_axes,
    with_extra_outputs,
    with_fp16,
    with_fp16_weights,
    with_metadata,
)

__all__ = [
    "DETECTORS",
    "REFUSED",
    "build",
    "build_refused",
    "save_with_external_data",
    "with_dynamic_axes",
    "with_extra_outputs",
    "with_fp16",
    "with_fp16_weights",
    "with_metadata",
]
