"""Memory that a module for processors leaves a frame's outcome in."""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm_ffi

from zcc.runtime.detections import Found
from zcc.runtime.manifest import Manifest

CLASSIFY = "classify"


def results_of(manifest: Manifest) -> CpuResults | CpuProbabilities:
    """The memory that an artifact's task needs."""
    return CpuProbabilities(manifest) if manifest.task.name == CLASSIFY else CpuResults(manifest)


class CpuProbabilities:
    """The same for classifiers, whose outcome is a probability for each class."""

    def __init__(self, manifest: Manifest) -> None:
        self._task = manifest.task
        self._probabilities = np.zeros((1, manifest.head.classes), np.float32)
        self._edges = np.zeros(1, np.float32)
        arrays = (self._probabilities, self._edges)
        self.arguments: tuple[Any, ...] = tuple(tvm_ffi.from_dlpack(array) for array in arrays)

    def read(self) -> Found:
        """A copy of the last frame's."""
        scores = self._probabilities[0].copy()
        classes = np.arange(len(scores), dtype=np.int32)
        return Found(np.zeros((0, 4), np.float32), scores, classes, float(self._edges[0]), self._task)


class CpuResults:
    """One set for all frames of an artifact: written and read in the engine's thread alone."""

    def __init__(self, manifest: Manifest) -> None:
        most, self._task = manifest.head.max_det, manifest.task
        self._boxes = np.zeros((most, 4), np.float32)
        self._scores = np.zeros(most, np.float32)
        self._classes = np.zeros(most, np.int32)
        self._count = np.zeros(1, np.int32)
        self._details = np.zeros((most, self._task.details), np.float32)
        self._edges = np.zeros(1, np.float32)
        details = (self._details,) if self._task.details else ()
        arrays = (self._boxes, self._scores, self._classes, self._count, *details, self._edges)
        self.arguments: tuple[Any, ...] = tuple(tvm_ffi.from_dlpack(array) for array in arrays)

    def read(self) -> Found:
        """A copy of what was found last."""
        count = int(self._count[0])
        boxes, scores, classes = (array[:count].copy() for array in (self._boxes, self._scores, self._classes))
        return Found(boxes, scores, classes, float(self._edges[0]), self._task, self._details[:count].copy())
