"""How accurate a detector is on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.quality.coco_map import DetectionArrays, MeanAveragePrecision, mean_average_precision
from zcc.compiler.quality.dataset import Dataset
from zcc.compiler.quality.top_class import as_found
from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant

# COCO's measure wants the whole precision-recall curve, so nearly everything the network says is let through.
CONFIDENCE = 0.001
IOU = 0.7  # as the exporters' own evaluation suppresses

Pixels = NDArray[np.uint8]
Detect = Callable[[Pixels], DetectionArrays]


def measured(run: Callable[[Any, float, float], Any], color: str) -> Detect:
    """A detector as the measure calls it: frames are BGR, and the thresholds let the whole curve through."""
    order = slice(None, None, -1 if color == "rgb" else 1)
    return lambda frame: as_found(run(np.ascontiguousarray(frame[..., order]), CONFIDENCE, IOU))


def detector(folder: Path, manifest: Manifest) -> Detect:
    """The variant in `folder`, as the measure calls it."""
    return measured(Variant(folder, manifest).run, manifest.input.color)


def look(detect: Detect, frames: Iterable[Pixels]) -> list[DetectionArrays]:
    """What a detector says about each frame."""
    return [detect(frame) for frame in frames]


def evaluate(detect: Detect, dataset: Dataset) -> MeanAveragePrecision:
    """Compare what `detect` (BGR frame to detections) says about every picture with its labels."""
    dataset.need_labels()
    return mean_average_precision(dataset.scenes, look(detect, (scene.image() for scene in dataset.scenes)))
