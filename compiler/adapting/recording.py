"""A sequence as every resident variant sees it: what each finds in each frame, how right that is, how long it takes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from zcc.compiler.quality.coco_map import Judged, Labels, judge
from zcc.compiler.quality.evaluate import CONFIDENCE, IOU
from zcc.compiler.quality.pictures import Pictures
from zcc.runtime.errors import DatasetError
from zcc.runtime.variant import Detections, Variant


@dataclass(frozen=True)
class Take:
    """One frame on one variant."""

    judged: Judged  # all that it finds, against the labels
    found: Detections  # what it finds with the thresholds in use, which is what a policy sees
    milliseconds: float  # the median of its turns


@dataclass(frozen=True)
class RecordedFrame:
    """One frame of the sequence on every variant."""

    pixels: int
    takes: Mapping[str, Take]  # by dtype, from the cheapest to the most accurate


@dataclass(frozen=True)
class Recording:
    """The whole sequence, in the order of its frames."""

    dtypes: tuple[str, ...]
    frames: tuple[RecordedFrame, ...]

    def compared(self) -> dict[str, float]:
        """The median time of each variant, in milliseconds."""
        return {dtype: median(frame.takes[dtype].milliseconds for frame in self.frames) for dtype in self.dtypes}

    def halves(self) -> tuple[Recording, Recording]:
        """The first half and the second."""
        middle = len(self.frames) // 2
        if not middle:
            raise DatasetError("a single frame has no halves", "give a longer sequence")
        first, second = self.frames[:middle], self.frames[middle:]
        return Recording(self.dtypes, first), Recording(self.dtypes, second)


@dataclass(frozen=True)
class RecordingSettings:
    """Those in use, and how often each frame is timed."""

    conf: float = 0.25
    iou: float = 0.45
    turns: int = 3


def record(resident: Mapping[str, Variant], sequence: Pictures, use: RecordingSettings) -> Recording:
    """Run every frame of a labelled sequence on every variant, in turns."""
    if sequence.labels is None:
        raise DatasetError(f"{sequence.place} has no labels", "a replay needs images/ and labels/, or a COCO json")
    frames = tuple(
        _record_frame(resident, _as_wanted(picture, resident), labels, use)
        for picture, labels in zip(sequence.frames, sequence.labels, strict=True)
    )
    return Recording(tuple(resident), frames)


def _record_frame(resident: Mapping[str, Variant], frame: Any, labels: Labels, use: RecordingSettings) -> RecordedFrame:
    taken: dict[str, list[float]] = {dtype: [] for dtype in resident}
    found: dict[str, Detections] = {}
    for _ in range(use.turns):
        for dtype, variant in resident.items():
            start = time.perf_counter()
            found[dtype] = variant.run(frame, use.conf, use.iou)
            taken[dtype].append(1e3 * (time.perf_counter() - start))
    takes = {
        dtype: Take(judge(labels, variant.run(frame, CONFIDENCE, IOU)), found[dtype], median(taken[dtype]))
        for dtype, variant in resident.items()
    }
    return RecordedFrame(frame.shape[0] * frame.shape[1], takes)


def _as_wanted(picture: Any, resident: Mapping[str, Variant]) -> Any:
    """The picture, which is BGR, in the channel order of the variants."""
    color = next(iter(resident.values())).manifest.input.color
    return np.ascontiguousarray(picture[..., ::-1]) if color == "rgb" else picture
