"""Frames leave nothing behind: every family of detector, large enough that its kernels need memory beyond the stack."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.compiler.harness import compile_network
from tests.onnx_models import build
from tests.onnx_models.detectors import DETECTORS
from zcc.compiler.frontend.load import load_model

WARM, FRAMES = 30, 300
LIMIT = 1e6  # bytes; the least that ever leaked was 8,000 with every frame


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("family", DETECTORS)
def test_resident_memory_is_the_same_after_many_frames(family: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(build(family, imgsz=(160, 160)), path)
    compiled = compile_network(load_model(path).proto, tmp_path)
    image = np.random.default_rng(3).random((1, 3, 160, 160), dtype=np.float32)
    for _ in range(WARM):
        compiled.run(image)
    before = resident()
    for _ in range(FRAMES):
        compiled.run(image)
    assert resident() - before < LIMIT
