"""Every family of detector, compiled, computes what ONNX Runtime computes, and its frames leave nothing behind."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.compiler.harness import Array, Compiled, compile_network, reference
from tests.compiler.loaded import load_here
from tests.onnx_models import build

CASES = {
    "v3": ("yolov3", {}),
    "v3-tiny": ("yolov3-tiny", {"imgsz": (96, 64)}),
    "v5 in place": ("yolov5", {"inplace": True, "opset": 12}),
    "v5, odd sizes": ("yolov5", {"imgsz": (96, 160), "width": 12, "classes": 3, "opset": 11}),
    "v8, wide": ("yolov8", {"imgsz": (32, 224), "width": 16, "classes": 20, "opset": 17}),
    "v8, channels that fill no block": ("yolov8", {"width": 20, "classes": 7}),
    "v8 with an NMS of its own": ("yolov8-nms", {}),
    "11, channels that fill no block": ("yolo11", {"opset": 20, "imgsz": (160, 160), "width": 12}),
    "v10, no NMS needed": ("yolov10", {"max_det": 50}),
}
OPTIMISED = ("v8, channels that fill no block", "11, channels that fill no block")  # as users get them
WARM, FRAMES = 30, 300
LIMIT = 1e6  # bytes; the least that ever leaked was 8,000 with every frame
STRETCHES = 3  # of frames: a thread that comes late to its first pieces touches its memory in one of them


class Case:
    """A detector, compiled, and a picture for it."""

    def __init__(self, name: str, folder: Path) -> None:
        family, options = CASES[name]
        path = folder / "model.onnx"
        onnx.save(build(family, **options), path)
        self.proto: onnx.ModelProto = load_here(path).proto
        self.image: Array = np.random.default_rng(3).random((1, 3, *options.get("imgsz", (64, 64))), dtype=np.float32)
        self.compiled: Compiled = compile_network(self.proto, folder, optimised=name in OPTIMISED)


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Each of them."""
    return Case(request.param, tmp_path_factory.mktemp("family"))


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_network_equals_onnx_runtime(case: Case) -> None:
    expected = reference(case.proto, case.image)
    np.testing.assert_allclose(case.compiled.run(case.image), expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert not [name for name in case.compiled.kernels if "scatter" in name]


def test_resident_memory_is_the_same_after_many_frames(case: Case) -> None:
    for _ in range(WARM):
        case.compiled.run(case.image)
    grown = []
    while len(grown) < STRETCHES and (not grown or grown[-1] >= LIMIT):
        before = resident()
        for _ in range(FRAMES):
            case.compiled.run(case.image)
        grown.append(resident() - before)
    assert grown[-1] < LIMIT, grown
