"""The setting of a policy that fits a sequence: the quickest that loses no more accuracy than it may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zcc.compiler.adapting.candidates import Arguments, candidates
from zcc.compiler.adapting.outcome import Outcome, always, outcome
from zcc.compiler.adapting.recording import Recording
from zcc.compiler.adapting.replay import replay
from zcc.runtime.adaptive.table import POLICIES


@dataclass(frozen=True)
class Tried:
    """A setting, and what came of it."""

    arguments: Arguments
    outcome: Outcome


def attempt(policy: str, recording: Recording, settings: Iterable[Arguments]) -> list[Tried]:
    """Replay the policy with each of the settings."""
    return [Tried(each, outcome(recording, replay(recording, POLICIES[policy](**each)))) for each in settings]


def fit(policy: str, recording: Recording, given: Arguments, lose: float) -> Tried:
    """Of all settings that lose at most the part `lose` of what the cheapest variant loses, the quickest.

    Where the cheapest variant loses nothing, that is the one that never leaves it; where no setting keeps to the part,
    the one that loses least.
    """
    cheap, high = (always(recording, dtype).map50_95 for dtype in (recording.dtypes[0], recording.dtypes[-1]))
    least = high - lose * max(high - cheap, 0.0)
    tried = attempt(policy, recording, candidates(policy, recording, given))
    kept = [each for each in tried if each.outcome.map50_95 >= min(least, cheap) and each.outcome.map50_95 >= least]
    if kept:
        return min(kept, key=lambda each: each.outcome.mean_ms)
    return max(tried, key=lambda each: each.outcome.map50_95)
