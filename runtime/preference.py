"""What a user prefers among the variants that a machine can run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

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

    @property
    def spread(self) -> float | None:
        """How many milliseconds the middle half of its times was apart, where it was measured here."""
        return self.candidate.figure("latency_spread_ms", here=True)


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
    """The one whose latest measured latency is least; what is as fast within the spread of the times is a tie."""

    ties: ClassVar[bool] = True
    first: str = "the fastest that runs here"

    def objection(self, rated: Rated) -> str | None:
        """None: whatever runs may be taken."""
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
    ties: ClassVar[bool] = True

    @property
    def first(self) -> str:
        """What is taken, in words."""
        return f"the fastest within {self.points:g} points of the most accurate"

    def objection(self, rated: Rated) -> str | None:
        """What loses more, or nobody knows how much."""
        if rated.lost is None:
            return UNMEASURED
        return f"it loses {rated.lost:.2f} points" if rated.lost > self.points + 1e-9 else None

    def rank(self, rated: Rated) -> Rank:
        """By speed among those."""
        return by_speed(rated)


def leading(ranked: Sequence[Rated], preference: Preference) -> Rated:
    """The one that is taken of those that may be: the first, or a more accurate one that ties with it."""
    first = ranked[0]
    if not getattr(preference, "ties", False) or first.lost is None:
        return first
    return min((each for each in ranked if each.lost is not None and _ties(first, each)), key=_lost)


def _lost(rated: Rated) -> float:
    return math.inf if rated.lost is None else rated.lost


def _ties(first: Rated, other: Rated) -> bool:
    """Whether their times differ by less than each time varies by itself; known of what was measured here alone."""
    if first is other:
        return True
    times, spreads = (first.latency, other.latency), (first.spread, other.spread)
    if None in times or None in spreads or first.candidate.claims("latency_ms") or other.candidate.claims("latency_ms"):
        return False
    return abs((times[0] or 0) - (times[1] or 0)) <= max(spread or 0 for spread in spreads) / 2


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
