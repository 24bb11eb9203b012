"""Keypoints: x and y in input pixels for each, and in many models how visible it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zcc.compiler.ir.tasks.task import ProbedOutputs, TaskReading
from zcc.runtime.manifest import TaskInfo

SLACK = 1e-3  # by which a probability may leave 0..1
NUMBERS = (3, 2)  # of a keypoint: with visibility, without


@dataclass(frozen=True)
class Pose:
    """A detection's keypoints, any number of them."""

    name: str = "pose"
    layout: str = "those, and for each box k keypoints of x, y and visibility, or of x and y"

    def read(self, seen: ProbedOutputs) -> TaskReading | None:
        """Visibilities are probabilities and coordinates are not, which tells the two forms apart."""
        fitting = [count for count in NUMBERS if _fits(seen, count)]
        if not seen.width or seen.planes or not fitting:
            return None
        keypoints = seen.width // fitting[0], fitting[0]
        if seen.stated not in ((), keypoints):
            return None
        return TaskReading(TaskInfo(self.name, seen.width, keypoints))

    def fault(self, seen: ProbedOutputs) -> str | None:
        """Numbers that make no whole keypoints, or other ones than the metadata says."""
        if seen.width < 2 or seen.planes:
            return None
        stated = f", and the metadata says {' x '.join(map(str, seen.stated))}" if seen.stated else ""
        return (
            f"each box has {seen.width} numbers behind its scores{stated}: keypoints take 3 each, "
            "the third a probability, or 2"
        )


def _fits(seen: ProbedOutputs, numbers: int) -> bool:
    if seen.width % numbers:
        return False
    points = [rows.reshape(len(rows), -1, numbers) for rows in seen.details]
    coordinates = np.concatenate([rows[..., :2] for rows in points]).reshape(-1, 2 * points[0].shape[1])
    far = all(map(_leaves, coordinates.T))
    return far and (numbers == 2 or not any(_leaves(rows[..., 2]) for rows in points))


def _leaves(values: object) -> bool:
    found = np.asarray(values)
    return bool(((found < -SLACK) | (found > 1 + SLACK)).any())


POSE = Pose()
