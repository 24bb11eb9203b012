"""Whether two detectors found the same things in a frame: to the bit, or closely; and whether boxes are right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.quality.boxes import overlaps
from zcc.runtime.detections import Detections

LEAST = 1e-3  # that scores may always be off by


@dataclass(frozen=True)
class Likeness:
    """How near a box must be to another to be its like."""

    overlap: float = 0.9
    score: float = 0.03  # that they may be apart


# Of two candidates that are nearly equally sure, eight significant bits may keep the other one: one of 1,001 boxes of
# an H200, which shared 0.84 with its like.
LIKENESS = {"bf16": Likeness(overlap=0.75)}


@dataclass(frozen=True)
class Candidates:
    """All that a network says before NMS, in pixels of the frame; boxes may go beyond it, as NMS sees them."""

    boxes: NDArray[Any]  # (n, 4)
    scores: NDArray[Any]  # (n, classes)
    size: tuple[int, int]  # of the frame: height, width

    @property
    def inside(self) -> NDArray[Any]:
        """What of the boxes lies in the frame: that is what detectors tell."""
        height, width = self.size
        return self.boxes.clip(0, [width, height, width, height])

    @property
    def best(self) -> NDArray[Any]:
        """The score of each candidate's class."""
        return np.asarray(self.scores.max(axis=1))

    def above(self, score: float) -> Candidates:
        """Those whose class has more than a score."""
        sure = self.best > score
        return Candidates(self.boxes[sure].astype(np.float64), self.scores[sure].astype(np.float64), self.size)


@dataclass(frozen=True)
class Rounding:
    """What fewer bits may change: scores by so much, boxes and overlaps so far."""

    scores: float = 0.01
    shift: float = 0.1  # of a box's sides, in parts of its width or height
    overlap: float = 0.1  # of two boxes, beside the limit of NMS

    @classmethod
    def seen(cls, scores: NDArray[Any], said: Candidates) -> Rounding:
        """What it did to the best scores of another network of fewer bits, twice: others' luck may be worse."""
        return cls(scores=max(LEAST, 2 * float(np.abs(scores - said.best).max())))


@dataclass(frozen=True)
class Suppression:
    """What is asked of NMS by class."""

    conf: float
    iou: float
    most: int  # boxes, the surest first


def identical(found: Detections, wanted: Detections) -> bool:
    """Whether boxes, scores and classes have the same bits, in the same order."""
    pairs = ((found.boxes, wanted.boxes), (found.scores, wanted.scores), (found.classes, wanted.classes))
    return all(np.array_equal(one, other) for one, other in pairs)


def strangers(
    found: Detections,
    wanted: Detections,
    conf: float,
    like: Likeness = Likeness(),
) -> Iterator[str]:
    """The boxes of either that have no like in the other, save those that `conf` may have let through by a hair."""
    shared = overlaps(found.boxes.astype(np.float64), wanted.boxes.astype(np.float64))
    shared[found.classes[:, None] != wanted.classes[None]] = 0
    apart = np.abs(found.scores[:, None] - wanted.scores[None])
    likes = (shared >= like.overlap) & (apart <= like.score)
    for whose, boxes, each in (("found", found, likes), ("wanted", wanted, likes.T)):
        for number in np.flatnonzero((boxes.scores > conf + like.score) & ~each.any(axis=1)):
            row = np.s_[number] if whose == "found" else np.s_[:, number]
            nearest = f"shares {shared[row].max(initial=0):.3f}" + "".join(
                f", its score is {gap:.3f} off" for gap in apart[row][shared[row] >= like.overlap]
            )
            yield f"{whose}: a box of score {boxes.scores[number]:.3f} has no like; the nearest {nearest}"


def mistakes(found: Detections, said: Candidates, asked: Suppression, rounding: Rounding) -> Iterator[str]:
    """Where boxes are not what NMS keeps of a network's candidates, beyond rounding.

    Each box must be a candidate; no two of a class may overlap; and each candidate that is surely above the
    confidence must be a box, or lie under a surer one. Which of two that are nearly equal is kept is not asked: one
    such choice may change many others, and all of them are right.
    """
    near = said.above(asked.conf - rounding.scores)
    if not len(near.boxes):
        yield from (f"box {number} is no candidate" for number in range(len(found)))
        return
    scores = found.scores.astype(np.float64)
    possible = near.scores >= near.best[:, None] - rounding.scores  # classes that rounding may choose
    of_class = possible[:, found.classes].T
    alike = of_class & (np.abs(near.scores[:, found.classes].T - scores[:, None]) <= rounding.scores)
    shifts = np.where(alike, _shifts(found.boxes.astype(np.float64), near), np.inf)
    meant, invented = shifts.argmin(axis=1), shifts.min(axis=1) > rounding.shift
    yield from (f"box {number} is no candidate" for number in np.flatnonzero(invented))

    whole = near.boxes[meant]
    among = np.triu(overlaps(whole, whole) > asked.iou + rounding.overlap, 1)
    among &= found.classes[:, None] == found.classes[None]
    yield from (f"boxes {one} and {other} overlap" for one, other in np.argwhere(among))

    floor = max(asked.conf, scores.min()) if len(found) >= asked.most else asked.conf
    surer = scores[:, None] >= near.best - rounding.scores
    covered = (of_class & surer & (overlaps(whole, near.boxes) >= asked.iou - rounding.overlap)).any(axis=0)
    missing = (near.best > floor + rounding.scores) & ~covered
    yield from (f"a candidate of score {score:.3f} is missing" for score in near.best[missing])


def _shifts(boxes: NDArray[Any], said: Candidates) -> NDArray[Any]:
    """How far each box's sides are from each candidate's, in parts of the whole candidate, beyond the frame, too."""
    sides = np.tile(said.boxes[:, 2:] - said.boxes[:, :2], 2)
    apart: NDArray[Any] = (np.abs(boxes[:, None] - said.inside[None]) / sides.clip(1e-6)).max(axis=2)
    return apart
