"""The decoding of heads without anchors by a kernel of ours, against the file's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.compiler.harness import compile_network, reference
from tests.onnx_models import build
from zcc.compiler.frontend.load import load_model
from zcc.compiler.frontend.raw_head import find_raw_head, with_maps
from zcc.compiler.network.known_decode import decode_known
from zcc.compiler.targets.table import TARGETS, runs_here


@pytest.mark.parametrize(
    ("family", "classes", "size", "target"),
    [
        ("yolov8", 80, (64, 64), None),  # as many attributes as candidates
        ("yolov8", 1, (96, 32), None),
        ("yolov8", 64, (160, 96), "x86-64-v3"),  # boxes and scores look alike
        ("yolo11", 13, (64, 96), "x86-64-v2"),
        ("yolov8", 17, (32, 224), "x86-64-v2"),
    ],
)
def test_every_column_equals_the_files(
    family: str, classes: int, size: tuple[int, int], target: str | None, tmp_path: Path
) -> None:
    if target and not runs_here(TARGETS[target]):
        pytest.skip(f"this processor does not run {target}")
    path = tmp_path / "model.onnx"
    onnx.save(build(family, classes=classes, imgsz=size), path)
    model = load_model(path)
    raw = find_raw_head(model)
    assert raw is not None
    proto = with_maps(model.proto, raw)
    last = model.head.candidates_last
    compiled = compile_network(proto, tmp_path, target, lambda network: decode_known(network, raw, last))
    assert any(name.startswith("decode_distributed") for name in compiled.kernels)
    assert not [name for name in compiled.kernels if name.startswith(("generic", "unpack", "softmax"))]
    image = np.random.default_rng(8).random((1, 3, *size), dtype=np.float32)
    expected = reference(model.proto, image)
    np.testing.assert_allclose(compiled.run(image), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
