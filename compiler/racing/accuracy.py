"""What each contestant's network is worth on labelled pictures: speed can be bought with accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from zcc.compiler.quality.coco_map import MeanAveragePrecision, mean_average_precision
from zcc.compiler.quality.evaluate import look, measured
from zcc.compiler.quality.labelled_scene import LabelledScene
from zcc.compiler.racing.contestant import Floats, FoundBoxes, Pixels, RaceEntry, Thresholds
from zcc.compiler.racing.opencv_frame import frame_steps
from zcc.compiler.racing.race_task import RaceTask
from zcc.compiler.racing.worker import RaceWorker


def accuracies(
    entries: Iterable[RaceEntry], task: RaceTask, scenes: Sequence[LabelledScene], threads: int
) -> dict[str, MeanAveragePrecision]:
    """The COCO mAP of every network, with the same steps of OpenCV around each that decodes its output."""
    found = {}
    for entry in entries:
        with RaceWorker(entry, threads) as worker:
            detect = measured(_detect(worker, task), task.spec.color)
            found[entry.name] = mean_average_precision(scenes, look(detect, (scene.image() for scene in scenes)))
    return found


def _detect(worker: RaceWorker, task: RaceTask) -> Callable[[Pixels, float, float], FoundBoxes]:
    """A worker's network between the steps that all peers use; where it is none alone, whole frames."""
    if worker.network(np.zeros((1, 3, task.spec.height, task.spec.width), np.float32)) is None:
        return lambda frame, conf, iou: worker.detect(frame, Thresholds(conf, iou))

    def network(image: Floats) -> Floats:
        output = worker.network(image)
        assert output is not None
        return output

    def framed(frame: Pixels, conf: float, iou: float) -> FoundBoxes:
        found: Any = frame
        for _, step in frame_steps(network, task, Thresholds(conf, iou)):
            found = step(found)
        return FoundBoxes(*found)

    return framed
