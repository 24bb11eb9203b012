"""What is asked of a device that measures forms, and what it answers. Both travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


class Asked(Protocol):
    """Forms of one thing, to be measured together; or each alone, where together they bring a process down."""

    @property
    def forms(self) -> tuple[Any, ...]:
        """The forms that are measured."""
        ...

    def alone(self) -> list[Any]:
        """The same for each form."""
        ...


@dataclass(frozen=True)
class FormResult:
    """How one form did: its seconds as a multiple of the default's, or why it has none."""

    ratio: float | None
    failure: str | None = None


@dataclass(frozen=True)
class TrialAnswer:
    """The default's seconds, where it could be measured, and an outcome for each form of the trial."""

    default_seconds: float | None
    outcomes: tuple[FormResult, ...]

    @classmethod
    def failed(cls, trial: Asked, reason: str) -> TrialAnswer:
        """Nothing could be measured."""
        return cls(None, tuple(FormResult(None, reason) for _ in trial.forms))

    @classmethod
    def joined(cls, answers: list[TrialAnswer]) -> TrialAnswer:
        """What came of trials of the same kernel, one after another."""
        seconds = [answer.default_seconds for answer in answers if answer.default_seconds is not None]
        return cls(min(seconds, default=None), tuple(outcome for answer in answers for outcome in answer.outcomes))
