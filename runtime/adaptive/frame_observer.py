"""From frames that ran to what a policy gets to see; the same while frames flow and in a replay."""

from __future__ import annotations

from collections.abc import Mapping

from zcc.runtime.adaptive.latencies import Latencies
from zcc.runtime.adaptive.observed import Observed
from zcc.runtime.tasks.classification import Classification
from zcc.runtime.variant import Detections


def _extent(found: Detections | Classification, pixels: int) -> tuple[float, float]:
    """The mean score, and how much of the frame the boxes cover together; a class is of all of it."""
    if isinstance(found, Classification):
        return found.top(1)[0][1], 1.0
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    score = float(found.scores.mean()) if len(found) else 0.0
    return score, float((sides[:, 0] * sides[:, 1]).sum()) / pixels


class Observer:
    """Remembers the last frame and the latest times. One thread at a time may use it."""

    def __init__(self, compared: Mapping[str, float]) -> None:
        """Variants from the cheapest to the most accurate, and the milliseconds that each took, in turns."""
        self._latencies = Latencies(compared)
        dtypes = tuple(compared)
        # Made when a frame has run, so that the next one does not wait for it.
        self.observed = Observed(dtypes, dtypes[0], 0, 0.0, 0, 0.0, 0.0, self._latencies.p95())

    def saw(self, dtype: str, found: Detections | Classification, pixels: int, milliseconds: float) -> None:
        """A variant ran a frame of so many pixels."""
        self._latencies.add(dtype, milliseconds)
        score, area = _extent(found, pixels)
        self.observed = Observed(
            dtypes=self.observed.dtypes,
            running=dtype,
            frames=self.observed.frames + 1,
            edges=found.edges,
            detections=len(found),
            score=score,
            area=area,
            p95_ms=self._latencies.p95(),
        )
