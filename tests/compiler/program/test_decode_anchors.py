"""The decoding of heads with anchors by a kernel of ours, against the file's own."""

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


@pytest.mark.parametrize("target", [None, "x86-64-v3", "x86-64-v2"])
@pytest.mark.parametrize(("classes", "size"), [(1, (64, 96)), (13, (96, 32)), (80, (64, 64))])
def test_every_row_equals_the_files(classes: int, size: tuple[int, int], target: str | None, tmp_path: Path) -> None:
    if target and not runs_here(TARGETS[target]):
        pytest.skip(f"this processor does not run {target}")
    path = tmp_path / "model.onnx"
    onnx.save(build("yolov5", classes=classes, imgsz=size), path)
    model = load_model(path)
    raw = find_raw_head(model)
    assert raw is not None
    proto = with_maps(model.proto, raw)
    compiled = compile_network(
        proto, tmp_path, target, lambda network: decode_known(network, raw, model.head.candidates_last)
    )
    assert any(name.startswith("decode_anchors") for name in compiled.kernels)
    assert not [name for name in compiled.kernels if name.startswith(("generic", "unpack"))]
    image = np.random.default_rng(8).random((1, 3, *size), dtype=np.float32)
    expected = reference(model.proto, image)
    np.testing.assert_allclose(compiled.run(image), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
