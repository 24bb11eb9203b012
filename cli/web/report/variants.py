"""The table of variants, which the page's script sorts and filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from zcc.runtime.wording import counted
from zcc.web.marks import mark
from zcc.web.markup import Child, Markup, tag
from zcc.web.report.entry import Entry
from zcc.web.report.gather import Gathered
from zcc.web.report.section import Section, figure


class Column(NamedTuple):
    """A column: its heading, what it sorts by, what stands in a cell, and whether that is a number."""

    title: str
    sorts: Callable[[Entry], str | float | None]
    cell: Callable[[Entry], Child]
    number: bool = True


def _metric(name: str) -> Callable[[Entry], float | None]:
    return lambda each: each.artifact.figure(name)


def _accuracy(entry: Entry) -> Child:
    told = figure(entry.accuracy, ".3f")
    return tag("span", "~", told, title="agreement with another variant") if entry.agrees_only else told


def _latency(entry: Entry) -> Child:
    told = figure(entry.latency, ".2f")
    elsewhere = entry.latency is not None and entry.artifact.candidate.claims("latency_ms")
    return tag("span", "(", told, ")", title="measured elsewhere") if elsewhere else told


def _tags(entry: Entry) -> Child:
    state = [
        *(tag("span", each, class_="pill good") for each in entry.artifact.tags),
        tag("span", "superseded", class_="pill") if entry.superseded else None,
        tag("span", "imported", class_="pill") if entry.artifact.origin else None,
        tag("span", "not here", class_="pill warn", title=entry.hindrance) if entry.hindrance else None,
    ]
    return tag("span", state, class_="pills")


COLUMNS = (
    Column("mAP50-95", lambda each: each.accuracy, _accuracy),
    Column("points lost", lambda each: each.lost, lambda each: figure(each.lost, ".2f")),
    Column("ms", lambda each: each.latency, _latency),
    Column("P95 ms", _metric("latency_p95_ms"), lambda each: figure(each.artifact.figure("latency_p95_ms"), ".2f")),
    Column(
        "frames/s",
        lambda each: 1e3 / each.latency if each.latency else None,
        lambda each: figure(1e3 / each.latency if each.latency else None, ".1f"),
    ),
    Column(
        "MB",
        lambda each: each.artifact.manifest.sizes["total"],
        lambda each: figure(each.artifact.manifest.sizes["total"] / 1e6, ".1f"),
    ),
    Column(
        "built", lambda each: each.artifact.manifest.created, lambda each: each.artifact.manifest.created[:10], False
    ),
    Column(
        "signed",
        lambda each: len(each.artifact.envelopes),
        lambda each: "yes" if each.artifact.envelopes else "no",
        False,
    ),
    Column("tags", lambda each: " ".join(each.artifact.tags), _tags, False),
    Column("digest", lambda each: each.artifact.short, lambda each: tag("code", each.artifact.short), False),
)


def variants(told: Gathered) -> Section:
    """The table, with what narrows it down above it."""
    head = tag("tr", _heading("variant", False), (_heading(each.title, each.number) for each in COLUMNS))
    table = tag(
        "table",
        tag("caption", "Variants; the buttons in the headings sort", class_="unseen"),
        tag("thead", head),
        tag("tbody", (_row(each) for each in told.entries)),
        class_="variants",
    )
    scroll = tag("div", table, class_="card scroll", tabindex="0", role="region", aria_label="Table of variants")
    lead = "Sort by any column. What is filtered here is filtered in every chart of the page."
    return Section("variants", "Variants", lead, [_filters(told.entries), scroll, _ways(told.entries)])


def _heading(title: str, number: bool) -> Markup:
    button = tag("button", title, type="button", data_sort=True)
    return tag("th", button, scope="col", class_="number" if number else None, data_number=number)


def _row(entry: Entry) -> Markup:
    name = tag(
        "th",
        tag("span", mark(entry.dtype), tag("span", tag("b", entry.name), " ", entry.dtype), class_="who"),
        tag("span", entry.target, class_="small soft where"),
        scope="row",
        data_value=f"{entry.name} {entry.dtype} {entry.target}",
    )
    cells = (
        tag("td", each.cell(entry), class_="number" if each.number else None, data_value=_sortable(each.sorts(entry)))
        for each in COLUMNS
    )
    return tag(
        "tr",
        name,
        cells,
        id=f"row-{entry.key}",
        data_variant=entry.key,
        data_dtype=entry.dtype,
        data_here=str(entry.hindrance is None).lower(),
    )


def _sortable(value: str | float | None) -> str:
    return "" if value is None else str(value)


def _filters(entries: Sequence[Entry]) -> Markup:
    dtypes = dict.fromkeys(each.dtype for each in entries)
    boxes = (
        tag(
            "label",
            tag("input", type="checkbox", value=dtype, data_filter_dtype=True, checked=True),
            mark(dtype),
            dtype,
            class_="chip",
        )
        for dtype in dtypes
    )
    here = tag("label", tag("input", type="checkbox", data_filter_here=True), "runs on this machine", class_="chip")
    return tag(
        "div",
        tag(
            "label",
            tag("span", "Search", class_="unseen"),
            tag("input", type="search", placeholder="Name, target, tag or digest", data_filter_text=True),
            class_="search",
        ),
        tag("fieldset", tag("legend", "Precision", class_="unseen"), boxes, here, class_="chips"),
        tag("p", counted(len(entries), "variant"), role="status", class_="small soft", data_count=True),
        class_="filters",
    )


def _ways(entries: Sequence[Entry]) -> Markup | None:
    """How the figures were measured, each way once."""
    metrics = ("map50_95", "agreement50_95", "latency_ms")
    ways = dict.fromkeys(how for each in entries for how in map(each.how, metrics) if how)
    if not ways:
        return None
    return tag(
        "details",
        tag("summary", f"How these were measured: {counted(len(ways), 'way')}"),
        tag("ul", (tag("li", way) for way in ways), class_="small soft ways"),
    )
