"""What a variant changes in what is found: scores that move, detections lost and gained, classes that gain or lose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zcc.web.marks import mark
from zcc.web.markup import Markup, tag
from zcc.web.report.chart import bars
from zcc.web.report.entry import Entry
from zcc.web.report.evidence import Evidence
from zcc.web.report.gather import Gathered
from zcc.web.report.section import Missing, Section, figure

METRICS = {
    "drift_mean": ("mean drift", ".4f"),
    "drift_p95": ("P95 drift", ".4f"),
    "detections_matched": ("matched", ".0f"),
    "detections_lost": ("lost", ".0f"),
    "detections_gained": ("gained", ".0f"),
    "worst_class_change": ("worst class, points", "+.2f"),
}
REMEDY = "zcc compile --data DIR, or zcc compare A B --data DIR --json > FILE and --with FILE"


def drift(told: Gathered, evidence: Evidence) -> Section | Missing:
    """A row for each variant that was held against another, and bars for each comparison that was given."""
    known = [each for each in told.entries if any(each.artifact.figure(metric) is not None for metric in METRICS)]
    compared = evidence.of("compare")
    if not known and not compared:
        return Missing("Drift and classes", "no variant was held against another", REMEDY)
    lead = "How far scores move on detections that both find, what is lost and gained, and what that does to classes."
    return Section("drift", "Drift and classes", lead, [_table(known) if known else None, *map(_classes, compared)])


def _table(known: list[Entry]) -> Markup:
    heads = (tag("th", title, scope="col", class_="number") for title, _ in METRICS.values())
    return tag(
        "div",
        tag(
            "table",
            tag("caption", "What each variant changes against its reference", class_="unseen"),
            tag("thead", tag("tr", tag("th", "variant", scope="col"), *heads)),
            tag("tbody", (_row(each) for each in known)),
        ),
        class_="card scroll",
        tabindex="0",
        role="region",
        aria_label="Drift of each variant",
    )


def _row(entry: Entry) -> Markup:
    cells = (
        tag("td", figure(entry.artifact.figure(metric), form), class_="number", title=entry.how(metric))
        for metric, (_, form) in METRICS.items()
    )
    name = tag("th", tag("span", mark(entry.dtype), entry.called, class_="who"), scope="row")
    return tag("tr", name, *cells, data_variant=entry.key)


def _classes(compared: Mapping[str, Any]) -> Markup:
    before, after = compared["a"], compared["b"]
    changes = {
        name: 100 * (after["classes"][name]["map50_95"] - found["map50_95"])
        for name, found in before["classes"].items()
        if name in after["classes"]
    }
    reach = max((abs(change) for change in changes.values()), default=0.0) or 1.0
    rows = (_change(name, change, reach) for name, change in sorted(changes.items(), key=lambda each: each[1]))
    return tag(
        "div",
        tag("h3", f"From {before['dtype']} to {after['dtype']}, points of mAP50-95 in each class"),
        tag("ul", rows, class_="changes"),
        class_="card padded",
    )


def _change(name: str, change: float, reach: float) -> Markup:
    """A bar from the middle, to the left for a loss."""
    length, half = abs(change), reach
    lead = half - length if change < 0 else half
    drawn = bars([(lead, "none"), (length, "loss" if change < 0 else "gain")], 2 * reach)
    return tag(
        "li",
        tag("span", name),
        tag("span", drawn, class_="track middle"),
        tag("b", f"{change:+.2f}", class_="small number"),
    )
