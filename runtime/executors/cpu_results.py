"""Memory that a module for processors leaves a frame's outcome in."""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm_ffi

from zcc.runtime.detections import NO_DETAILS, Detections, Found
from zcc.runtime.manifest import Manifest, TaskInfo

CLASSIFY = "classify"
NO_BOXES = np.zeros((0, 4), np.float32)


def result_arrays(task: TaskInfo, max_det: int, classes: int) -> tuple[Any, ...]:
    """What a module writes a frame's outcome to, in the order of its arguments."""
    edges = np.zeros(1, np.float32)
    if task.name == CLASSIFY:
        return np.zeros((1, classes), np.float32), edges
    found = np.zeros((max_det, 4), np.float32), np.zeros(max_det, np.float32), np.zeros(max_det, np.int32)
    details = (np.zeros((max_det, task.details), np.float32),) if task.details else ()
    return (*found, np.zeros(1, np.int32), *details, edges)


class CpuResults:
    """One set for the frames of an artifact: written and read while the engine runs nothing else."""

    def __init__(self, manifest: Manifest) -> None:
        self._task = manifest.task
        self._arrays = result_arrays(manifest.task, manifest.head.max_det, manifest.head.classes)
        self._rows = np.arange(manifest.head.max_det)
        self.arguments: tuple[Any, ...] = tuple(map(tvm_ffi.from_dlpack, self._arrays))

    def detections(self) -> Detections:
        """The same as a detector's result, at once."""
        boxes, scores, classes, count, edges = self._arrays
        # By their numbers: a slice and a copy of each go through more of numpy's code, which is in no cache by now.
        found = self._rows[: count.item()]
        return Detections(boxes.take(found, 0), scores.take(found), classes.take(found), edges.item())

    def read(self) -> Found:
        """A copy of what was found last."""
        if self._task.name == CLASSIFY:
            probabilities, edges = self._arrays
            classes = np.arange(probabilities.size, dtype=np.int32)
            return Found(NO_BOXES, probabilities[0].copy(), classes, float(edges[0]), self._task)
        boxes, scores, classes, count, *details, edges = self._arrays
        rows = int(count[0])
        rest = details[0][:rows].copy() if details else NO_DETAILS
        found = boxes[:rows].copy(), scores[:rows].copy(), classes[:rows].copy()
        return Found(*found, float(edges[0]), self._task, rest)
