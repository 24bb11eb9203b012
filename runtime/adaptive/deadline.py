"""The policy that takes as much accuracy as there is time for."""

from __future__ import annotations

from dataclasses import dataclass, field

from zcc.runtime.adaptive.observed import Observed
from zcc.runtime.errors import UsageError


@dataclass
class Deadline:
    """The most accurate variant whose 95th percentile keeps within `ms`; the cheapest where none does.

    It gives way at once when frames come too late. It goes back to a more accurate variant when that would leave
    `margin` of the time free, and after `hold` frames at the earliest.
    """

    ms: float
    margin: float = 0.1
    hold: int = 64
    _held: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        if not self.ms > 0:
            raise UsageError(f"ms={self.ms} is no deadline", "give the milliseconds that a frame may take")
        if not 0 <= self.margin < 1:
            raise UsageError(f"margin={self.margin} is no part of a deadline", "give 0 or more and less than 1")
        if self.hold < 1:
            raise UsageError(f"hold={self.hold} is no number of frames", "give 1 or more")

    def choose(self, observed: Observed) -> str:
        """The variant that will be in time."""
        ranks = {dtype: rank for rank, dtype in enumerate(observed.dtypes)}
        best, running = self._best(observed, self.ms), observed.running
        if ranks[best] > ranks[running]:
            safe = self._best(observed, (1 - self.margin) * self.ms)
            best = max(safe, running, key=ranks.__getitem__) if self._held >= self.hold else running
        self._held = 1 if best != running else self._held + 1
        return best

    def _best(self, observed: Observed, ms: float) -> str:
        in_time = [dtype for dtype in observed.dtypes if observed.p95_ms[dtype] <= ms]
        return in_time[-1] if in_time else observed.dtypes[0]
