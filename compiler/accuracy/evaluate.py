"""How accurate a detector is on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.accuracy.coco_map import Detections, MeanAveragePrecision, mean_average_precision
from zcc.compiler.accuracy.dataset import Dataset
from zcc.runtime.errors import DatasetError

# COCO's measure wants the whole precision-recall curve, so nearly everything the network says is let through.
CONFIDENCE = 0.001
IOU = 0.7

Detect = Callable[[NDArray[np.uint8]], Detections]


def evaluate(detect: Detect, dataset: Dataset) -> MeanAveragePrecision:
    """Compare what `detect` (BGR frame to detections) says about every picture with its labels."""
    if not any((~scene.crowd).any() for scene in dataset.scenes):
        raise DatasetError(f"{dataset.folder} labels nothing, so accuracy has no meaning there")
    found = [detect(scene.image()) for scene in dataset.scenes]
    return mean_average_precision(dataset.scenes, found)
