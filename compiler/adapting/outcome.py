"""What comes of choosing a variant for each frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from zcc.compiler.adapting.recording import Recording
from zcc.compiler.quality.coco_map import summarise


@dataclass(frozen=True)
class Outcome:
    """The figures of a sequence whose frames ran on the variants that were chosen."""

    map50: float
    map50_95: float
    mean_ms: float
    p95_ms: float
    shares: Mapping[str, float]  # of the frames that each variant ran
    swaps: int


def outcome(recording: Recording, chosen: Sequence[str]) -> Outcome:
    """Look up what each frame found and took on the variant it ran on."""
    takes = [frame.takes[dtype] for frame, dtype in zip(recording.frames, chosen, strict=True)]
    precision = summarise(take.judged for take in takes)
    times = np.array([take.milliseconds for take in takes])
    return Outcome(
        map50=precision.map50,
        map50_95=precision.map50_95,
        mean_ms=float(times.mean()),
        p95_ms=float(np.percentile(times, 95)),
        shares={dtype: chosen.count(dtype) / len(chosen) for dtype in recording.dtypes},
        swaps=sum(one != other for one, other in pairwise(chosen)),
    )


def always(recording: Recording, dtype: str) -> Outcome:
    """What comes of running one variant all the time."""
    return outcome(recording, [dtype] * len(recording.frames))
