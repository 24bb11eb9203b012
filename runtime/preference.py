"""What a user prefers among the variants that a machine can run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from zcc.runtime.errors import UsageError
from zcc.runtime.source import Candidate

Rank = tuple[float | int | str, ...]
UNMEASURED = "nobody measured what it loses"


@dataclass(frozen=True)
class Rated:
    """A variant that runs here, and what is known of it."""

    candidate: Candidate
    lost: float | None  # points of mAP50-95 against the most accurate that runs here; None when nobody measured it

    @property
    def latency(self) -> float | None:
        """Milliseconds from frame to detections, by whoever measured it last, here first; None when nobody did."""
        return self.candidate.figure("latency_ms")


class Preference(Protocol):
    """What will not be taken, and what is taken first of the rest."""

    @property
    def first(self) -> str:
        """What the variant that ranks first is, for people."""
        ...

    def objection(self, rated: Rated) -> str | None:
        """Why it is not taken whatever the others are, None when it may be."""
        ...

    def rank(self, rated: Rated) -> Rank:
        """The least is taken; no two variants rank the same."""
        ...


def by_speed(rated: Rated) -> Rank:
    """By latency as measured here; then what was built here; then what is said elsewhere to be fast.

    Of those nobody measured, cards come before processors, and these by how much they use of theirs.
    """
    candidate, latency = rated.candidate, rated.latency
    here = latency is not None and not candidate.claims("latency_ms")
    trust = 0 if here else 1 + candidate.foreign
    manifest = candidate.manifest
    speed = math.inf if latency is None or trust == 1 else latency
    on_processor, used = manifest.executor == "cpu", len(manifest.requires.features)
    return (trust, speed, on_processor, -used, manifest.dtype, manifest.target)


@dataclass(frozen=True)
class Fastest:
    """The one whose latest measured latency is least."""

    first: str = "the fastest that runs here"

    def objection(self, rated: Rated) -> str | None:
        """None is refused."""
        return None

    def rank(self, rated: Rated) -> Rank:
        """By speed alone."""
        return by_speed(rated)


@dataclass(frozen=True)
class MostAccurate:
    """The one that loses least; of equals the fastest."""

    first: str = "the most accurate that runs here"

    def objection(self, rated: Rated) -> str | None:
        """What nobody measured cannot be compared."""
        return UNMEASURED if rated.lost is None else None

    def rank(self, rated: Rated) -> Rank:
        """By what it loses, then by speed."""
        return (math.inf if rated.lost is None else rated.lost, *by_speed(rated))


@dataclass(frozen=True)
class FastestWithin:
    """The fastest of those that lose at most so many points of mAP50-95 against the most accurate."""

    points: float

    @property
    def first(self) -> str:
        """What is taken."""
        return f"the fastest within {self.points:g} points of the most accurate"

    def objection(self, rated: Rated) -> str | None:
        """What loses more, or nobody knows how much."""
        if rated.lost is None:
            return UNMEASURED
        return f"it loses {rated.lost:.2f} points" if rated.lost > self.points + 1e-9 else None

    def rank(self, rated: Rated) -> Rank:
        """By speed among those."""
        return by_speed(rated)


def _alone(preference: Preference) -> Callable[[str], Preference | None]:
    return lambda argument: None if argument else preference


def _within(argument: str) -> Preference | None:
    try:
        points = float(argument)
    except ValueError:
        return None
    return FastestWithin(points) if points >= 0 else None


# How a preference is written -> what reads it; nothing comes back from what cannot be read.
PREFERENCES: Mapping[str, tuple[str, Callable[[str], Preference | None]]] = {
    "fastest": ("fastest", _alone(Fastest())),
    "most-accurate": ("most-accurate", _alone(MostAccurate())),
    "fastest-within": ("fastest-within:POINTS", _within),
}
DEFAULT = "fastest"


def read_preference(wish: str | Preference) -> Preference:
    """What a wish such as `fastest-within:0.5` means; a preference of the user's own is taken as it is."""
    if not isinstance(wish, str):
        return wish
    name, _, argument = wish.partition(":")
    _, read = PREFERENCES.get(name, ("", lambda argument: None))
    preference = read(argument)
    if preference is None:
        known = ", ".join(form for form, _ in PREFERENCES.values())
        raise UsageError(f"prefer={wish!r} is no preference", f"write one of {known}")
    return preference
