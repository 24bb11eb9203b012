"""The policy that spends accuracy where a scene is crowded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from zcc.runtime.adaptive.observed import Observed
from zcc.runtime.errors import UsageError

# What can stand for how much there is to see.
MEASURES: dict[str, Callable[[Observed], float]] = {
    "objects": lambda observed: float(observed.detections),
    "edges": lambda observed: observed.edges,
    "area": lambda observed: observed.area,
    "doubt": lambda observed: (1.0 - observed.score) * observed.detections,
}


@dataclass
class SceneComplexity:
    """The quiet variant until a measure of the last frame reaches `high`, then the crowded one until it is below `low`.

    Between the two nothing changes, and a variant that was chosen runs `hold` frames at least, so that a value that
    wavers around a threshold does not make the variants flap.
    """

    low: float = 4.0
    high: float = 8.0
    quiet: str = "int8"
    crowded: str = "fp32"
    hold: int = 5
    measure: str = "objects"
    _running: str = field(init=False, repr=False, compare=False)
    _held: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        if not self.low <= self.high:  # NaN is not, either
            raise UsageError(f"low={self.low} and high={self.high} are no thresholds", "low is at most high")
        if self.hold < 1:
            raise UsageError(f"hold={self.hold} is no number of frames", "give 1 or more")
        if self.measure not in MEASURES:
            raise UsageError(f"there is no measure {self.measure!r} of a scene", f"choose one of {', '.join(MEASURES)}")
        self._running, self._held = self.quiet, self.hold

    @property
    def named(self) -> tuple[str, ...]:
        """The dtypes of quiet and of crowded scenes."""
        return self.quiet, self.crowded

    def choose(self, observed: Observed) -> str:
        """The variant for a scene like the last one."""
        wanted = self._wanted(MEASURES[self.measure](observed)) if observed.frames else self.quiet
        if wanted != self._running and self._held >= self.hold:
            self._running, self._held = wanted, 0
        self._held += 1
        return self._running

    def _wanted(self, value: float) -> str:
        if value >= self.high:
            return self.crowded
        return self.quiet if value < self.low else self._running
