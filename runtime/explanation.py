"""Why each variant of a reference is taken or passed over, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zcc.runtime.escaping import escaped
from zcc.runtime.source import Candidate

TITLES = ("", "dtype", "target", "ms", "mAP", "points", "why")


@dataclass(frozen=True)
class VariantRemark:
    """What is said of one variant."""

    candidate: Candidate
    taken: bool
    why: str
    lost: float | None = None  # points of mAP50-95 against the most accurate that runs here

    def describe(self) -> dict[str, Any]:
        """The verdict as users see it in `--json`."""
        manifest = self.candidate.manifest
        return {
            "taken": self.taken,
            "why": self.why,
            "dtype": manifest.dtype,
            "target": manifest.target,
            "digest": manifest.digest,
            "latency_ms": self.candidate.figure("latency_ms"),
            "latency_here": self.candidate.figure("latency_ms", here=True) is not None,
            "latency_tried": self.candidate.tried,
            "map50_95": self.candidate.figure("map50_95"),
            "agreement50_95": self.candidate.figure("agreement50_95"),
            "points_lost": self.lost,
        }

    @property
    def _latency(self) -> str:
        """The latency; in brackets when it was measured elsewhere."""
        told = _figure(self.candidate.figure("latency_ms"), ".1f")
        return f"({told})" if self.candidate.claims("latency_ms") else told

    @property
    def _accuracy(self) -> str:
        """The mAP50-95 against labels; with `~` agreement with another variant, where nobody had any."""
        agreement = _figure(self.candidate.figure("agreement50_95"), ".3f")
        return _figure(self.candidate.figure("map50_95"), ".3f") or (agreement and f"~{agreement}")

    @property
    def row(self) -> tuple[str, ...]:
        """The verdict as a row of a table."""
        manifest = self.candidate.manifest
        return (
            "*" if self.taken else "",
            manifest.dtype,
            manifest.target,
            self._latency,
            self._accuracy,
            _figure(self.lost, ".2f"),
            self.why,
        )


@dataclass(frozen=True)
class Explanation:
    """Every variant of a reference, the one that is taken first; printed, a table."""

    reference: str
    verdicts: tuple[VariantRemark, ...]
    note: str = ""  # on the figures that all this goes by

    @property
    def chosen(self) -> Candidate | None:
        """The variant that is taken, None when there is none to take."""
        return next((verdict.candidate for verdict in self.verdicts if verdict.taken), None)

    def describe(self) -> dict[str, Any]:
        """The explanation as users see it in `--json`."""
        chosen = self.chosen
        return {
            "reference": self.reference,
            "chosen": chosen.manifest.digest if chosen else None,
            "variants": [verdict.describe() for verdict in self.verdicts],
            "note": self.note,
        }

    def __str__(self) -> str:
        """A row for each variant; `*` marks the one that is taken, `points` is what it loses."""
        rows = [TITLES, *(tuple(map(escaped, verdict.row)) for verdict in self.verdicts)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join([*lines, *([self.note] if self.note else [])])


def _figure(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
