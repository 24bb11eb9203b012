"""Where a frame's time goes, variant by variant, as bars on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zcc.web.marks import mark
from zcc.web.markup import Markup, tag
from zcc.web.report.chart import bars
from zcc.web.report.entry import Entry
from zcc.web.report.evidence import Evidence
from zcc.web.report.gather import Gathered
from zcc.web.report.section import Missing, Section

# A stage as zcc bench has it -> what it is called; drawn in this order, each in a colour of its own.
STAGES = {"preprocess": "preprocess", "network": "network", "postprocess": "decode and NMS"}
REST = "before and after the network"
Parts = Sequence[tuple[str, float]]


def stages(told: Gathered, evidence: Evidence) -> Section | Missing:
    """A bar for each variant whose network was timed apart from the frame."""
    benches = evidence.last("bench")
    timed = ((each, parts(each, benches.get(each.artifact.digest))) for each in told.entries)
    known = [(each, found) for each, found in timed if found]
    title = "Where a frame's time goes"
    if not known:
        return Missing(title, "no variant's network was timed apart from its frames", "zcc bench REF records both")
    longest = max(sum(length for _, length in found) for _, found in known)
    words = [word for word in (*STAGES.values(), REST) if any(word == each for _, found in known for each, _ in found)]
    legend = tag(
        "ul",
        (tag("li", tag("span", class_=f"swatch {_class(word)}", aria_hidden="true"), word) for word in words),
        class_="legend small",
    )
    rows = tag("ul", (_row(entry, found, longest) for entry, found in known), class_="bars")
    lead = "Medians of zcc bench, all bars on one scale."
    return Section("stages", title, lead, tag("div", legend, rows, class_="card padded"))


def parts(entry: Entry, bench: Mapping[str, Any] | None) -> Parts:
    """The stages of a frame and their milliseconds; where just the network was timed, the rest is one part."""
    stages = (bench or {}).get("stages_ms")
    if stages:
        return [(word, _median(stages[name])) for name, word in STAGES.items() if name in stages]
    network = entry.artifact.figure("network_ms")
    if entry.latency is None or network is None or network > entry.latency:
        return ()
    return [(STAGES["network"], network), (REST, entry.latency - network)]


def _median(times: Any) -> float:
    return float(times["median"] if isinstance(times, dict) else times)


def _row(entry: Entry, found: Parts, longest: float) -> Markup:
    figures = ", ".join(f"{word} {length:.2f}" for word, length in found)
    total = sum(length for _, length in found)
    return tag(
        "li",
        tag("span", mark(entry.dtype), entry.called, class_="who"),
        tag("span", bars([(length, _class(word)) for word, length in found], longest), class_="track"),
        tag("span", tag("b", f"{total:.2f} ms"), tag("span", f" {figures}", class_="soft"), class_="small told"),
        data_variant=entry.key,
    )


def _class(word: str) -> str:
    return f"stage-{[*STAGES.values(), REST].index(word)}"
