"""The oracle, which knows the labels: no policy can choose better than it, and none can be it.

A frame's gain is what the mAP50-95 of the whole sequence gains when this frame alone runs on the most accurate variant
and all others on the cheapest. The oracle takes the accurate variant for the frames that gain, and the cheapest for all
others: so it spends no time on frames where that would buy nothing. With less time to spend, it takes those that gain
most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.adapting.recording import Recording
from zcc.compiler.quality.coco_map import summarise


@dataclass(frozen=True)
class Oracle:
    """What each frame of a recording gains."""

    recording: Recording
    gains: NDArray[np.float64]  # of mAP50-95, 0..1

    def choose(self, most: int | None = None) -> list[str]:
        """The dtype of each frame; at most so many run on the most accurate variant."""
        worth = np.flatnonzero(self.gains > 0)
        taken = set(worth[np.argsort(-self.gains[worth], kind="stable")][:most].tolist())
        cheap, high = self.recording.dtypes[0], self.recording.dtypes[-1]
        return [high if number in taken else cheap for number in range(len(self.gains))]


def consult(recording: Recording) -> Oracle:
    """Try the most accurate variant on every frame by itself."""
    return Oracle(recording, np.fromiter(_gains(recording), np.float64, len(recording.frames)))


def _gains(recording: Recording) -> Iterator[float]:
    cheap, high = recording.dtypes[0], recording.dtypes[-1]
    judged = [frame.takes[cheap].judged for frame in recording.frames]
    before = summarise(judged).map50_95
    for number, frame in enumerate(recording.frames):
        changed = [*judged[:number], frame.takes[high].judged, *judged[number + 1 :]]
        yield summarise(changed).map50_95 - before
