"""A report as rows of text."""

from __future__ import annotations

from collections.abc import Iterator

from zcc.compiler.adapting.outcome import Outcome
from zcc.compiler.adapting.report import POLICY, AdaptReport

POINTS = 100.0
THRESHOLDS = ("low", "high", "ms")


def outcome_rows(report: AdaptReport) -> list[list[str]]:
    """A row for each way to run the sequence, under a row of titles."""
    titles = ["", "mAP50", "mAP50-95", "mean ms", "p95 ms", "speed-up", *report.dtypes, "swaps"]
    return [titles, *([way, *_cells(report, found)] for way, found in report.outcomes.items())]


def curve_rows(report: AdaptReport) -> list[list[str]]:
    """A row for each threshold of the policy, under a row of titles."""
    names = [name for name in THRESHOLDS if name in report.arguments]
    titles = [*names, "mAP50-95", "mean ms", "time saved", "accuracy lost", "swaps"]
    rows = [
        [
            *(f"{each.arguments[name]:.4g}" for name in names),
            f"{each.outcome.map50_95:.3f}",
            f"{each.outcome.mean_ms:.2f}",
            _percent(report.saved(each.outcome)),
            _percent(report.lost(each.outcome)),
            str(each.outcome.swaps),
        ]
        for each in report.curve
    ]
    return [titles, *rows]


def summary(report: AdaptReport) -> Iterator[str]:
    """What the policy keeps of the one and gives up of the other."""
    found, cheap, high = report.outcomes[POLICY], report.dtypes[0], report.dtypes[-1]
    lost = POINTS * (report.high.map50_95 - report.cheap.map50_95)
    if report.saved(found) is None:
        yield f"{cheap} is no quicker than {high} here: there is nothing to gain"
    else:
        part = report.speedup(found) / report.speedup(report.cheap)
        yield f"of the time that {cheap} saves, the policy saves {_percent(report.saved(found))}"
        yield f"its speed-up is {_percent(part)} of that of {cheap}"
    if report.lost(found) is None:
        yield f"{cheap} loses nothing against {high} here ({-lost:+.2f} points): there is nothing to trade"
    else:
        yield f"of the {lost:.2f} points of mAP50-95 that {cheap} loses, the policy {_loss(report.lost(found), lost)}"


def _loss(part: float | None, lost: float) -> str:
    """What of so many points is lost, in words that hold for a gain, too."""
    if part is None or part >= 0:
        return f"loses {_percent(part)}"
    return f"loses none: it gains {-part * lost:.2f} on the most accurate"


def _cells(report: AdaptReport, found: Outcome) -> list[str]:
    return [
        f"{found.map50:.3f}",
        f"{found.map50_95:.3f}",
        f"{found.mean_ms:.2f}",
        f"{found.p95_ms:.2f}",
        f"{report.speedup(found):.2f}",
        *(_percent(share) for share in found.shares.values()),
        str(found.swaps),
    ]


def _percent(part: float | None) -> str:
    return "-" if part is None else f"{100 * part:.1f}%"
