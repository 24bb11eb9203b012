"""Recordings from a seed: a sequence, quiet with a crowded middle in each half, that no detector has seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.adapting.recording import RecordedFrame, Recording, Take
from zcc.compiler.quality.coco_map import judge
from zcc.runtime import Detections

CHEAP, HIGH = "int8", "fp32"
SIDE, CLASSES = 400, 3
PIXELS = SIDE * SIDE


@dataclass(frozen=True)
class Truth:
    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]
    shapes = None

    @property
    def crowd(self) -> NDArray[np.bool_]:
        return np.zeros(len(self.boxes), bool)


@dataclass(frozen=True)
class MadeUp:
    """A recording, and what it was made of."""

    recording: Recording
    truths: list[Truth]
    found: dict[str, list[Detections]]
    crowded: list[bool]


def make_up(frames: int = 80, seed: int = 0, quiet_loss: float = 0.0) -> MadeUp:
    """The high variant is off by little everywhere, the cheap one by much where it is crowded, or by `quiet_loss`."""
    rng = np.random.default_rng(seed)
    half = max(frames // 2, 1)
    crowded = [half // 2 <= number % half < half // 2 + 8 for number in range(frames)]
    truths = [_truth(rng, int(rng.integers(12, 20)) if busy else int(rng.integers(0, 2))) for busy in crowded]
    off = {HIGH: [0.5] * frames, CHEAP: [12.0 if busy else 0.5 + quiet_loss for busy in crowded]}
    found = {
        dtype: [_detect(rng, truth, each) for truth, each in zip(truths, off[dtype], strict=True)] for dtype in off
    }
    taken = {CHEAP: rng.uniform(4, 5, frames), HIGH: rng.uniform(11, 13, frames)}
    recorded = tuple(
        RecordedFrame(
            PIXELS,
            {
                dtype: Take(judge(truth, found[dtype][number]), found[dtype][number], float(taken[dtype][number]))
                for dtype in (CHEAP, HIGH)
            },
        )
        for number, truth in enumerate(truths)
    )
    return MadeUp(Recording((CHEAP, HIGH), recorded), truths, found, crowded)


def _truth(rng: np.random.Generator, count: int) -> Truth:
    corners = rng.uniform(0, SIDE - 80, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(40, 80, (count, 2))], axis=1)
    return Truth(boxes, rng.integers(0, CLASSES, count))


def _detect(rng: np.random.Generator, truth: Truth, off: float) -> Detections:
    boxes = truth.boxes + rng.normal(0, off, truth.boxes.shape)
    scores = rng.uniform(0.4, 1, len(boxes))
    edges = 0.01 * len(boxes) + float(rng.uniform(0, 0.005))
    return Detections(boxes.astype(np.float32), scores.astype(np.float32), truth.classes.astype(np.int32), edges)
