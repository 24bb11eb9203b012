"""The postprocess kernels for CUDA find what the CPU's find: the same boxes, scores and classes, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.harness import HOST, Detections, Machine, postprocess
from tests.compiler.backends.cuda.frame.on_host import FrameOnHost
from tests.compiler.backends.cuda.frame.raw_maps import Both, anchored, dfl
from tests.compiler.backends.cuda.host_device import needs_compiler
from zcc.compiler.backends.cuda.frame import kernels
from zcc.compiler.backends.cuda.frame.heads import DecodedHead
from zcc.compiler.backends.cuda.frame.image_layout import ImageLayout
from zcc.compiler.ir.heads.head import Head, Suppression
from zcc.runtime import host
from zcc.runtime.executors.plan import Place
from zcc.runtime.manifest import InputSpec

SPEC, FRAME = InputSpec(96, 64), (480, 640)
LAYOUT = ImageLayout("float16", SPEC.width)
# With registers that hold a whole distribution, and with ones that hold half of it.
FUSING = [HOST] + [Machine("haswell", 8)] * ({"avx2", "fma"} <= host.cpu_features())
THRESHOLDS = ((0.25, 0.45), (0.0, 0.7), (0.01, 0.0), (0.9, 1.0))
HEADS = {
    "columns": Head("test", "output", 150, 5, objectness=False, candidates_last=True),
    "rows": Head("test", "output", 200, 20, objectness=True, candidates_last=False),
    "rows of corners": Head("test", "output", 70, 3, objectness=False, candidates_last=False, corners=True),
    "pairs": Head("test", "output", 60, 7, objectness=True, candidates_last=True, every_class=True),
    "final": Head("test", "output", 100, 9, objectness=False, candidates_last=False, final=True),
    "one": Head("test", "output", 1, 1, objectness=False, candidates_last=True),
}


def assert_same(found: Detections, wanted: Detections, what: object) -> None:
    """But for details, which these heads do not have."""
    for name, ours, theirs in zip(Detections._fields[:3], found[:3], wanted[:3], strict=True):
        same = ours.shape == theirs.shape and (ours.view(np.uint32) == theirs.view(np.uint32)).all()
        assert same, (what, name)


def rows_of(head: Head, high: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Crowded boxes; coarse scores, so that many are equal; some numbers that are none."""
    rows = np.empty((head.candidates, head.attributes), np.float32)
    rows[:, :2], rows[:, 2:4] = rng.uniform(0, 90, (2, head.candidates, 2)) * [[[1]], [[0.4]]]
    rows[:, 4:] = np.round(rng.random((head.candidates, head.attributes - 4)) * high * 64) / 64
    if head.final or head.corners:
        rows[:, 2:4] += rows[:, :2]
    if head.final:
        rows[:, 5] = rng.integers(0, head.classes, head.candidates)
    rows[rng.random(head.candidates) < 0.02, 2] = np.nan
    rows[rng.random(head.candidates) < 0.02, 4] = np.nan
    return rows


@needs_compiler
@pytest.mark.parametrize("name", HEADS)
def test_decoded_outputs(name: str) -> None:
    head, rng = HEADS[name], np.random.default_rng(7)
    size = 4 * head.candidates * head.attributes
    ours = FrameOnHost(SPEC, LAYOUT, DecodedHead(head, Place("arena")), 40, size)
    theirs = postprocess(head, SPEC, 40, HOST)
    for high in (0.1, 1.0):
        rows = rows_of(head, high, rng)
        output = np.ascontiguousarray((rows.T if head.candidates_last else rows)[None])
        for conf, iou in THRESHOLDS:
            wanted = theirs(output, FRAME, conf, iou)
            assert_same(ours.postprocess(output, FRAME, conf, iou), wanted, (high, conf, iou))


@needs_compiler
def test_thresholds_that_the_file_fixes() -> None:
    head, rng = HEADS["columns"], np.random.default_rng(3)
    size = 4 * head.candidates * head.attributes
    ours = FrameOnHost(SPEC, LAYOUT, DecodedHead(head, Place("arena")), 40, size, Suppression(iou=0.3, score=0.4))
    theirs = postprocess(head, SPEC, 40, HOST)
    output = np.ascontiguousarray(rows_of(head, 1.0, rng).T[None])
    for conf, iou, counts in ((0.1, 0.9, 0.4), (0.6, 0.1, 0.6)):
        assert_same(ours.postprocess(output, FRAME, conf, iou), theirs(output, FRAME, counts, 0.3), conf)


@needs_compiler
@pytest.mark.parametrize("make", [dfl, anchored])
@pytest.mark.parametrize(("classes", "dtype"), [(80, "float16"), (3, "float32")])
def test_raw_maps(make: Callable[[InputSpec, int, float, str], Both], classes: int, dtype: str) -> None:
    for crowd in (0.02, 1.0):
        both = make(SPEC, classes, crowd, dtype)
        ours = FrameOnHost(SPEC, LAYOUT, both.cuda, 40, both.cuda_memory.nbytes)
        for conf, iou in ((0.25, 0.45), (0.6, 0.45), (0.0, 0.7)):
            found = ours.postprocess(both.cuda_memory, FRAME, conf, iou)
            for machine in FUSING:
                wanted = postprocess(both.cpu, SPEC, 40, machine)(both.cpu_memory, FRAME, conf, iou)
                assert_same(found, wanted, (crowd, conf, iou, machine))


@needs_compiler
def test_candidates_behind_the_window_are_compared_when_their_turn_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "WINDOW", 64)
    head, rng = Head("test", "output", 300, 2, objectness=False, candidates_last=True), np.random.default_rng(1)
    ours = FrameOnHost(SPEC, LAYOUT, DecodedHead(head, Place("arena")), 250, 4 * 300 * 6)
    assert ours.kernels.window == 64
    output = np.ascontiguousarray(rows_of(head, 1.0, rng).T[None])
    for conf, iou in ((0.0, 0.9), (0.0, 0.2)):
        wanted = postprocess(head, SPEC, 250, HOST)(output, FRAME, conf, iou)
        assert_same(ours.postprocess(output, FRAME, conf, iou), wanted, iou)
