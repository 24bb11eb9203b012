"""The setting of a policy that fits a sequence: the quickest that loses no more accuracy than it may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass

from zcc.compiler.adapting.outcome import Outcome, always, outcome
from zcc.compiler.adapting.policy_settings import Arguments, candidates
from zcc.compiler.adapting.recording import Recording
from zcc.compiler.adapting.replay import replay
from zcc.runtime.adaptive.policy import Policy
from zcc.runtime.adaptive.table import make_policy

SAME = 0.05  # by so much mean times may differ and count as equal


@dataclass(frozen=True)
class Tried:
    """A setting, and what came of it."""

    arguments: Arguments
    outcome: Outcome


def attempt(name: str, recording: Recording, settings: Iterable[Arguments]) -> list[Tried]:
    """Replay the policy with each of the settings."""
    return [_try(recording, make_policy(name, each), each) for each in settings]


def _try(recording: Recording, policy: Policy, given: Arguments) -> Tried:
    return Tried({**given, **_settings(policy)}, outcome(recording, replay(recording, policy)))


def _settings(policy: object) -> Arguments:
    """All arguments of a policy, its defaults included, if it is a dataclass; of others only `given` is known."""
    if isinstance(policy, type) or not is_dataclass(policy):
        return {}
    return {each.name: getattr(policy, each.name) for each in fields(policy) if each.init}


def fit(policy: str, recording: Recording, given: Arguments, lose: float) -> Tried:
    """Of all settings that lose at most the part `lose` of what the cheapest variant loses, the quickest.

    Of those that are as good as equally quick, the one that runs the most accurate variant most often: how much each
    lost on these frames is partly chance. Where the cheapest variant loses nothing, that is the one that never leaves
    it; where no setting keeps to the part, the one that loses least.
    """
    cheap, high = (always(recording, dtype).map50_95 for dtype in (recording.dtypes[0], recording.dtypes[-1]))
    tried = attempt(policy, recording, candidates(policy, recording, given))
    least = high - lose * max(high - cheap, 0.0)
    kept = [each for each in tried if each.outcome.map50_95 >= least]
    if not kept:
        return max(tried, key=_accuracy)
    quickest = min(kept, key=_time)
    if cheap >= high:
        return quickest
    as_quick = [each for each in kept if _time(each) <= (1 + SAME) * _time(quickest)]
    return max(as_quick, key=lambda each: (each.outcome.shares[recording.dtypes[-1]], _accuracy(each)))


def _accuracy(tried: Tried) -> float:
    return tried.outcome.map50_95


def _time(tried: Tried) -> float:
    return tried.outcome.mean_ms
