"""What is learnt of the values of a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.precision.histogram import ValueHistogram


@dataclass(frozen=True, eq=False)
class MapStatistics:
    """The values of one map over some frames."""

    means: NDArray[np.float64]  # per channel
    histogram: ValueHistogram
    frames: int = 1

    def __add__(self, other: MapStatistics) -> MapStatistics:
        """The statistics over the frames of both."""
        frames = self.frames + other.frames
        means = (self.means * self.frames + other.means * other.frames) / frames
        return MapStatistics(means, self.histogram + other.histogram, frames)
