"""What each contestant's network is worth on labelled pictures: speed can be bought with accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from zcc.compiler.quality.coco_map import MeanAveragePrecision, mean_average_precision
from zcc.compiler.quality.evaluate import look, measured
from zcc.compiler.quality.labelled_scene import LabelledScene
from zcc.compiler.racing.contestant import FoundBoxes, Pixels, RaceEntry, Thresholds
from zcc.compiler.racing.opencv_frame import frame_steps
from zcc.compiler.racing.race_task import RaceTask
from zcc.compiler.racing.worker import RaceWorker


def accuracies(
    entries: Iterable[RaceEntry], task: RaceTask, scenes: Sequence[LabelledScene], threads: int
) -> dict[str, MeanAveragePrecision]:
    """The COCO mAP of every network, with the same steps of OpenCV around each."""
    found = {}
    for entry in entries:
        with RaceWorker(entry, threads) as worker:
            detect = measured(_Framed(worker, task).detect, task.spec.color)
            found[entry.name] = mean_average_precision(scenes, look(detect, (scene.image() for scene in scenes)))
    return found


class _Framed:
    """A worker's network between the steps that all peers use."""

    def __init__(self, worker: RaceWorker, task: RaceTask) -> None:
        self._worker, self._task = worker, task

    def detect(self, frame: Pixels, conf: float, iou: float) -> FoundBoxes:
        found: Any = frame
        for _, step in frame_steps(self._worker.network, self._task, Thresholds(conf, iou)):
            found = step(found)
        return FoundBoxes(*found)
