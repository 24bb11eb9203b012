"""Accuracy against latency: every variant, the front that none beats in both, and what the runtime would choose."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise

from zcc.web.marks import mark, outline, series
from zcc.web.markup import Child, Markup, joined, tag
from zcc.web.report.chart import Axis, Plane, Point
from zcc.web.report.entry import Entry
from zcc.web.report.gather import PREFERENCES, Choice, Gathered
from zcc.web.report.section import Missing, Section, figure

MOST_LABELS = 16  # beyond that only those on a front are named
KEY = "trade-off"


def choices(told: Gathered) -> Section:
    """What the runtime would take on this machine, under each preference."""
    cards = (
        tag("div", _name(name, told), tag("div", (_card(choice) for choice in mine), class_="cards"))
        for name, mine in told.choices.items()
    )
    lead = f"What Detector.load takes of these variants on {told.machine}, as prefer= says."
    return Section("choices", "What would run", lead, tag("div", joined(cards), class_="stack"))


def trade_off(told: Gathered) -> Section | Missing:
    """The plot, or what has to be measured first."""
    known = [each for each in told.entries if each.latency is not None and each.accuracy is not None]
    if not known:
        return Missing(
            "Accuracy against latency", "no variant has both figures", "zcc bench and zcc eval --data DIR record them"
        )
    plane = Plane(
        Axis.around((_point(each)[0] for each in known), zero=True),
        Axis.around(_point(each)[1] for each in known),
        "Milliseconds a frame, less is better",
        "mAP50-95, more is better",
    )
    fronts = {name: front([each for each in known if each.name == name]) for name in told.names}
    on_front = {each.key for mine in fronts.values() for each in mine}
    labelled = {each.key for each in known} if len(known) <= MOST_LABELS else on_front
    drawn = plane.draw(
        "Variants by latency and accuracy; each is a link to its row in the table",
        (plane.line(_steps(mine), "front") for mine in fronts.values()),
        (_dot(plane, each, each.key in on_front, each.key in labelled, told) for each in known),
    )
    body = tag("div", _legend(known), drawn, _front_in_words(fronts), class_="card padded")
    return Section(KEY, "Accuracy against latency", _lead(known), body)


def front(entries: Sequence[Entry]) -> list[Entry]:
    """Those that no other beats in latency and accuracy alike, the fastest first."""
    best: list[Entry] = []
    for each in sorted(entries, key=lambda each: (each.latency or 0.0, -(each.accuracy or 0.0))):
        if not best or (each.accuracy or 0.0) > (best[-1].accuracy or 0.0):
            best.append(each)
    return best


def _point(entry: Entry) -> Point:
    return entry.latency or 0.0, entry.accuracy or 0.0


def _steps(entries: Sequence[Entry]) -> list[Point]:
    """The front as stairs: at each latency the accuracy that can be had by then."""
    points = [_point(each) for each in entries]
    corners = ([(later[0], earlier[1]), later] for earlier, later in pairwise(points))
    return [*points[:1], *chain.from_iterable(corners)]


def _dot(plane: Plane, entry: Entry, leading: bool, named: bool, told: Gathered) -> Markup:
    name = f"{entry.name} " if len(told.names) > 1 else ""
    hint = f"{name}{entry.label}: {entry.latency:.2f} ms, mAP50-95 {entry.accuracy:.3f}"
    chosen = [PREFERENCES[each.preference] for each in told.choices[entry.name] if each.entry is entry]
    hint += f"; {', '.join(chosen).lower()}" if chosen else ""
    inside = [
        tag("circle", r="14", class_="reach"),
        tag("circle", r="11", class_="halo") if chosen else None,
        tag("g", outline(entry.dtype), class_=f"shape {'' if leading else 'behind'}"),
        tag("text", f"{name}{entry.dtype}", x="14", y="-8", class_="named") if named else None,
    ]
    link = tag("a", *inside, href=f"#row-{entry.key}", aria_label=hint, data_hint=hint)
    return tag("g", plane.spot(_point(entry), link), class_=series(entry.dtype), data_variant=entry.key)


def _legend(known: Sequence[Entry]) -> Markup:
    dtypes = dict.fromkeys(each.dtype for each in known)
    ring = tag("svg", tag("circle", r="6"), class_="mark ring", viewBox="-7 -7 14 14", aria_hidden="true")
    stairs = tag("svg", tag("path", d="M-7 4H0V-4H7"), class_="mark stairs", viewBox="-7 -7 14 14", aria_hidden="true")
    items: list[Child] = [(mark(dtype), dtype) for dtype in dtypes]
    items += [(ring, "chosen under a preference"), (stairs, "Pareto front")]
    return tag("ul", (tag("li", item) for item in items), class_="legend small")


def _front_in_words(fronts: dict[str, list[Entry]]) -> Markup:
    told = (
        f"{name}: " + ", then ".join(f"{each.label} ({each.latency:.1f} ms, {each.accuracy:.3f})" for each in mine)
        for name, mine in fronts.items()
        if mine
    )
    return tag("p", "On the front, the fastest first. ", ". ".join(told), ".", class_="unseen")


def _lead(known: Sequence[Entry]) -> str:
    ways = {each.how("map50_95") or each.how("agreement50_95") for each in known}
    mixed = f" Accuracies were measured in {len(ways)} ways; the table says how." if len(ways) > 1 else ""
    agreement = " For some it is agreement with another variant, as nobody had labels." * any(
        each.agrees_only for each in known
    )
    stairs = "Up and to the left is better; what lies below the stairs is slower than something more accurate."
    return stairs + mixed + agreement


def _name(name: str, told: Gathered) -> Child:
    return tag("h3", name) if len(told.names) > 1 else None


def _card(choice: Choice) -> Markup:
    entry = choice.entry
    head = tag("p", PREFERENCES[choice.preference], class_="eyebrow")
    if entry is None:
        return tag(
            "div",
            head,
            tag("p", "None", class_="headline"),
            tag("p", choice.why, class_="small soft"),
            class_="card choice",
        )
    lost = "" if not entry.lost else f", {entry.lost:.2f} points below the best"
    return tag(
        "div",
        head,
        tag(
            "p",
            mark(entry.dtype),
            tag("a", entry.dtype, href=f"#row-{entry.key}"),
            class_=f"headline {series(entry.dtype)}",
        ),
        tag("p", tag("strong", f"{figure(entry.latency, '.2f')} ms"), " a frame"),
        tag("p", f"mAP50-95 {figure(entry.accuracy, '.3f')}{lost}", class_="small"),
        tag("p", "for ", entry.target, class_="small soft"),
        tag("code", f'prefer="{choice.preference}"', class_="small soft"),
        class_="card choice",
    )
