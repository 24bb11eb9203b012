"""What a replay tells: four ways to run the sequence side by side, and the curves between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from zcc.compiler.adapting.fit import Tried, attempt
from zcc.compiler.adapting.oracle import Oracle, consult
from zcc.compiler.adapting.outcome import Outcome, always, outcome
from zcc.compiler.adapting.policy_settings import Arguments, line
from zcc.compiler.adapting.recording import Recording

POLICY, ORACLE = "policy", "oracle"
BUDGETS = 16  # points of the oracle's curve


@dataclass(frozen=True)
class AdaptReport:
    """Outcomes by what ran: `always DTYPE` for the cheapest and the most accurate, then the policy and the oracle."""

    dtypes: tuple[str, ...]
    frames: int
    arguments: Arguments  # of the policy
    outcomes: Mapping[str, Outcome]
    curve: Sequence[Tried]  # the policy with other thresholds
    oracle_curve: Sequence[Outcome]  # the oracle with less and less time

    @property
    def cheap(self) -> Outcome:
        """What comes of the cheapest variant alone."""
        return self.outcomes[f"always {self.dtypes[0]}"]

    @property
    def high(self) -> Outcome:
        """What comes of the most accurate variant alone."""
        return self.outcomes[f"always {self.dtypes[-1]}"]

    def speedup(self, found: Outcome) -> float:
        """How many times as quick as the most accurate variant."""
        return self.high.mean_ms / found.mean_ms

    def saved(self, found: Outcome) -> float | None:
        """The part of the time that the cheapest variant saves; None where it saves none."""
        return _part(self.high.mean_ms - found.mean_ms, self.high.mean_ms - self.cheap.mean_ms)

    def lost(self, found: Outcome) -> float | None:
        """The part of the mAP50-95 that the cheapest variant loses; None where it loses none."""
        return _part(self.high.map50_95 - found.map50_95, self.high.map50_95 - self.cheap.map50_95)

    def describe(self) -> dict[str, Any]:
        """Every figure, as users see it in `--json`."""
        return {
            "frames": self.frames,
            "dtypes": list(self.dtypes),
            "arguments": dict(self.arguments),
            "outcomes": {way: self._figures(found) for way, found in self.outcomes.items()},
            "curve": [{"arguments": dict(each.arguments), **self._figures(each.outcome)} for each in self.curve],
            "oracle_curve": [self._figures(each) for each in self.oracle_curve],
        }

    def _figures(self, found: Outcome) -> dict[str, Any]:
        return {
            **asdict(found),
            "speedup": self.speedup(found),
            "time_saved": self.saved(found),
            "accuracy_lost": self.lost(found),
        }


def report(policy: str, recording: Recording, arguments: Arguments) -> AdaptReport:
    """Replay the sequence in every way."""
    dtypes, oracle = recording.dtypes, consult(recording)
    [tried] = attempt(policy, recording, [arguments])
    outcomes = {f"always {dtype}": always(recording, dtype) for dtype in dtypes}
    outcomes |= {POLICY: tried.outcome, ORACLE: outcome(recording, oracle.choose())}
    curve = attempt(policy, recording, line(policy, recording, tried.arguments))
    return AdaptReport(dtypes, len(recording.frames), tried.arguments, outcomes, curve, _oracle_curve(oracle))


def _oracle_curve(oracle: Oracle) -> list[Outcome]:
    worth = int((oracle.gains > 0).sum())
    budgets = np.unique(np.linspace(0, worth, BUDGETS).astype(int)).tolist()
    return [outcome(oracle.recording, oracle.choose(budget)) for budget in budgets]


def _part(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
