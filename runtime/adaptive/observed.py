"""What a policy gets to see before each frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Observed:
    """What the last frame showed, and what the resident variants cost; before the first frame nothing was seen."""

    dtypes: tuple[str, ...]  # of the resident variants, from the cheapest to the most accurate
    running: str  # the one that ran the last frame
    frames: int  # so far
    edges: float  # the share of edge pixels in the frame, 0..1
    detections: int
    score: float  # the mean of the detections, 0 where there are none
    area: float  # of all boxes together, 1 being the frame's
    p95_ms: Mapping[str, float]  # of each resident variant, as the machine is now
