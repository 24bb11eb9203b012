"""What each resident variant costs now, also those that have not run for a while."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

WINDOW = 64  # frames that the percentile is taken over
SHARE = 0.95  # of the frames of the window; one in twenty may be late


class Latencies:
    """Times of all variants as multiples of what each took when they were compared, so that any tells of all.

    What slows the machine down, slows every variant down by about the same factor. So the variant that runs says
    what the others would take, and none must be tried out, at the price of late frames, to know.
    """

    def __init__(self, compared: Mapping[str, float]) -> None:
        self._compared = dict(compared)  # milliseconds, taken in turns
        self._factors: deque[float] = deque([1.0], maxlen=WINDOW)

    def add(self, dtype: str, milliseconds: float) -> None:
        """A frame that the variant ran."""
        self._factors.append(milliseconds / self._compared[dtype])

    def p95(self) -> dict[str, float]:
        """The 95th percentile of each variant's time over the last frames, in milliseconds."""
        ordered = sorted(self._factors)
        factor = ordered[min(int(SHARE * len(ordered)), len(ordered) - 1)]
        return {dtype: factor * milliseconds for dtype, milliseconds in self._compared.items()}
