"""What an adaptive detector has done so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class AdaptiveStatistics:
    """Frames by the variant that ran them, and what choosing took."""

    frames: Mapping[str, int]
    swaps: int  # how often a frame ran on another variant than the one before it
    deciding_us: float  # from a frame's arrival to the variant it goes to, swap included: the mean in microseconds
    slowest_us: float  # the longest of them
