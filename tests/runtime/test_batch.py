"""Several frames in one call: what the file says of all of them together, and how many there may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests import onnx_models
from tests.compiler.backends.cpu.frame import references
from tests.conftest import Tiny
from tests.onnx_models.variants import with_batch
from tests.runtime.samples import assert_same, changed_copy, noise
from tests.runtime.tasks.plain import PlainModel
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.registry import Registry
from zcc.runtime import Detector
from zcc.runtime.errors import FrameError

FRAMES = [noise(64, 64), noise(100, 80, 1), noise(50, 120, 2)]


def test_several_frames_are_found_in_as_the_file_finds_in_them_together(tmp_path: Path) -> None:
    path = tmp_path / "trio.onnx"
    onnx.save(with_batch(onnx_models.build("yolov8", imgsz=(64, 64)), len(FRAMES)), str(path))
    [made] = compile_model(CompileOptions(path, batch=len(FRAMES)), Registry.open(tmp_path / "registry"))
    detector = Detector.load(made.folder)
    assert detector.manifest.batch == len(FRAMES)
    plain = PlainModel(path, "detect", len(made.manifest.classes))
    images = np.stack([references.letterboxed(frame, plain.spec) for frame in FRAMES]) / np.float32(255)
    for rows, frame in zip(plain.outputs(images)[0], FRAMES, strict=True):
        scores = np.sort(rows.T[:, 4:].max(1))[::-1]
        conf = float(scores[5] + scores[6]) / 2  # between two, so that rounding decides nothing
        expected = plain.results(rows.T, [], frame.shape[:2], conf, 1.0)
        others = [other for other in FRAMES if other is not frame]
        got = detector.many([frame, *others], conf, 1.0)[0]
        assert len(got) == len(expected.scores) == 6
        np.testing.assert_array_equal(got.classes, expected.classes)
        np.testing.assert_allclose(got.scores, expected.scores, atol=1e-3)
        np.testing.assert_allclose(got.boxes, expected.boxes, atol=0.5)


@pytest.mark.parametrize("streams", [1, 2])
def test_any_number_is_run_where_the_artifact_asks_for_none(tiny_artifact: Tiny, streams: int) -> None:
    detector = Detector.load(tiny_artifact.folder, streams=streams)
    for frames in (FRAMES, [], FRAMES[:1]):
        found = detector.many(frames, conf=0.1)
        assert len(found) == len(frames)
        for each, frame in zip(found, frames, strict=True):
            assert_same(each, detector(frame, conf=0.1))
    stack = np.stack(FRAMES[:1] * 2)
    assert_same(detector.many(stack, conf=0.1)[1], detector(FRAMES[0], conf=0.1))


def test_another_number_than_was_compiled_for_is_refused(tiny_artifact: Tiny, tmp_path: Path) -> None:
    detector = Detector.load(changed_copy(tiny_artifact.folder, tmp_path / "two", batch=2))
    assert len(detector.many(FRAMES[:2])) == 2
    for frames in (FRAMES, FRAMES[:1], []):
        with pytest.raises(FrameError, match=f"compiled for 2 frames a call, and {len(frames)} were handed in"):
            detector.many(frames)


def test_a_single_frame_is_not_taken_for_many(tiny_artifact: Tiny) -> None:
    detector = Detector.load(tiny_artifact.folder)
    with pytest.raises(FrameError, match="four axes"):
        detector.many(FRAMES[0])
    with pytest.raises(FrameError, match="a list is no frame"):
        detector(FRAMES)
