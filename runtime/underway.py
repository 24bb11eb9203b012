"""A frame that was handed in, and whose detections are still to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from zcc.runtime.detections import Detections


class Underway(Protocol):
    """What `submit` returns; any thread may ask, and as often as it likes."""

    def done(self) -> bool:
        """Whether the detections are there."""
        ...

    def result(self) -> Detections:
        """The detections, as soon as they are there; what went wrong is raised here."""
        ...


@dataclass(frozen=True, eq=False)
class Done:
    """A frame that was run when it was handed in."""

    found: Detections

    def done(self) -> bool:
        """True: it was over before anybody asked."""
        return True

    def result(self) -> Detections:
        """The detections."""
        return self.found


@dataclass(frozen=True, eq=False)
class Failed:
    """A frame that could not be put on its way."""

    error: Exception

    def done(self) -> bool:
        """True: there is nothing to wait for."""
        return True

    def result(self) -> Detections:
        """What went wrong is raised."""
        raise self.error
