"""From frames that ran to what a policy is told; the same while frames flow and in a replay."""

from __future__ import annotations

from collections.abc import Mapping

from zcc.runtime.adaptive.latencies import Latencies
from zcc.runtime.adaptive.observed import Observed
from zcc.runtime.variant import Detections


class Observer:
    """Remembers the last frame and the latest times. One thread at a time may use it."""

    def __init__(self, compared: Mapping[str, float]) -> None:
        """Variants from the cheapest to the most accurate, and the milliseconds that each took, in turns."""
        self._dtypes = tuple(compared)
        self._latencies = Latencies(compared)
        self._running = self._dtypes[0]
        self._frames = 0
        self._edges = self._score = self._area = 0.0
        self._detections = 0

    def observed(self) -> Observed:
        """What to tell the policy now."""
        return Observed(
            dtypes=self._dtypes,
            running=self._running,
            frames=self._frames,
            edges=self._edges,
            detections=self._detections,
            score=self._score,
            area=self._area,
            p95_ms=self._latencies.p95(),
        )

    def saw(self, dtype: str, found: Detections, pixels: int, milliseconds: float) -> None:
        """A variant ran a frame of so many pixels."""
        self._latencies.add(dtype, milliseconds)
        self._running = dtype
        self._frames += 1
        self._edges = found.edges
        self._detections = len(found)
        self._score = float(found.scores.mean()) if len(found) else 0.0
        sides = found.boxes[:, 2:] - found.boxes[:, :2]
        self._area = float((sides[:, 0] * sides[:, 1]).sum()) / pixels
