"""What a frame costs in energy, where a machine told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zcc.web.marks import mark, series
from zcc.web.markup import Markup, tag
from zcc.web.report.chart import bars
from zcc.web.report.entry import Entry
from zcc.web.report.evidence import Evidence
from zcc.web.report.gather import Gathered
from zcc.web.report.section import Missing, Section

TITLE = "Energy"


def energy(told: Gathered, evidence: Evidence) -> Section | Missing:
    """A bar for each variant whose energy was measured."""
    benches = evidence.last("bench")
    told_of = ((each, benches.get(each.artifact.digest, {}).get("energy")) for each in told.entries)
    known = [(each, found) for each, found in told_of if found]
    if not known:
        return Missing(
            TITLE, "nobody measured it", "zcc bench records it where the machine tells (RAPL, NVML, tegrastats)"
        )
    most = max(found["joules_per_frame"] for _, found in known)
    rows = tag("ul", (_row(entry, found, most) for entry, found in known), class_="bars")
    return Section("energy", TITLE, "Millijoules a frame; less is better.", tag("div", rows, class_="card padded"))


def _row(entry: Entry, found: Mapping[str, Any], most: float) -> Markup:
    return tag(
        "li",
        tag("span", mark(entry.dtype), entry.called, class_="who"),
        tag("span", bars([(found["joules_per_frame"], "filled")], most or 1.0), class_=f"track {series(entry.dtype)}"),
        tag(
            "span",
            tag("b", f"{1e3 * found['joules_per_frame']:.1f} mJ"),
            f" as {found['source']} counts",
            class_="small told",
        ),
        data_variant=entry.key,
    )
