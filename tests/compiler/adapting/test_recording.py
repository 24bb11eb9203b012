"""A recording of real variants: what each finds, by the detectors themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Tiny
from tests.runtime.samples import assert_same, changed_copy, noise
from zcc.compiler.adapting.recording import RecordingSettings, record
from zcc.compiler.quality.coco_map import mean_average_precision, summarise
from zcc.compiler.quality.evaluate import CONFIDENCE, IOU
from zcc.compiler.quality.pictures import Pictures, labelled_pictures
from zcc.runtime.errors import DatasetError
from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant


def load(folder: Path) -> Variant:
    return Variant(folder, Manifest.read(folder))


@pytest.fixture
def pictures(tmp_path: Path, tiny_artifact: Tiny) -> Pictures:
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    for number in range(3):
        Image.fromarray(noise(50, 60 + number, seed=number)).save(tmp_path / "images" / f"{number}.png")
        (tmp_path / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    return labelled_pictures(tmp_path, Manifest.read(tiny_artifact.folder).classes)


def test_what_each_variant_finds_in_each_frame(tiny_artifact: Tiny, pictures: Pictures, tmp_path: Path) -> None:
    one = load(tiny_artifact.folder)
    other = load(changed_copy(tiny_artifact.folder, tmp_path / "other", scale=0.9, dtype="fp16"))
    resident, use = {"fp16": other, "fp32": one}, RecordingSettings(conf=0.3, iou=0.6, turns=2)
    recording = record(resident, pictures, use)
    assert recording.dtypes == ("fp16", "fp32")
    frames = [np.ascontiguousarray(frame) for frame in pictures.frames]
    for dtype, variant in resident.items():
        for frame, recorded in zip(frames, recording.frames, strict=True):
            assert_same(recorded.takes[dtype].found, variant.run(frame, 0.3, 0.6))
            assert recorded.pixels == frame.shape[0] * frame.shape[1]
            assert recorded.takes[dtype].milliseconds > 0
        assert pictures.labels is not None
        expected = mean_average_precision(pictures.labels, [variant.run(frame, CONFIDENCE, IOU) for frame in frames])
        assert summarise(frame.takes[dtype].judged for frame in recording.frames) == expected


def test_pictures_without_labels_are_refused(tiny_artifact: Tiny) -> None:
    with pytest.raises(DatasetError, match="street has no labels"):
        record({"fp32": load(tiny_artifact.folder)}, Pictures("street", [noise(8, 8)], 1, ""), RecordingSettings())
