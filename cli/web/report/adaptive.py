"""What switching precision from frame to frame would bring: the trade-off curve of `zcc adapt`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zcc.runtime.wording import counted
from zcc.web.markup import Markup, tag
from zcc.web.report.chart import Axis, Plane, Point
from zcc.web.report.evidence import Evidence
from zcc.web.report.section import Missing, Section

TITLE = "Adaptive precision"
REMEDY = "zcc adapt REF --data SEQUENCE --fit --json > FILE, then --with FILE"


def adaptive(evidence: Evidence) -> Section | Missing:
    """A chart for each replay that was given."""
    replays = evidence.of("adapt")
    if not replays:
        return Missing(TITLE, "no replay of a sequence was given", REMEDY)
    lead = "Each frame on one variant: a policy that knows only the past, beside an oracle that knows the labels."
    return Section("adaptive", TITLE, lead, [_chart(each) for each in replays])


def _chart(replay: Mapping[str, Any]) -> Markup:
    curves = {"policy": _points(replay["curve"]), "oracle": _points(replay["oracle_curve"])}
    ways = {way: _point(found) for way, found in replay["outcomes"].items()}
    every = [*ways.values(), *curves["policy"], *curves["oracle"]]
    plane = Plane(
        Axis.around(x for x, _ in every),
        Axis.around(y for _, y in every),
        "Mean milliseconds a frame, less is better",
        "mAP50-95, more is better",
    )
    lines = (plane.line(sorted(points), f"curve {name}") for name, points in curves.items())
    spots = (
        plane.spot(point, tag("circle", r="5", class_="way"), tag("text", way, x="10", y="-8", class_="named"))
        for way, point in ways.items()
    )
    rows = (
        tag(
            "tr",
            tag("th", way, scope="row"),
            tag("td", f"{x:.2f}", class_="number"),
            tag("td", f"{y:.3f}", class_="number"),
        )
        for way, (x, y) in ways.items()
    )
    head = tag(
        "tr",
        tag("th", "ran", scope="col"),
        tag("th", "mean ms", scope="col", class_="number"),
        tag("th", "mAP50-95", scope="col", class_="number"),
    )
    return tag(
        "div",
        tag("h3", f"{replay['name']}: {replay['policy']} on {counted(int(replay['frames']), 'frame')}"),
        _legend(),
        plane.draw("Accuracy against mean time of policy and oracle", lines, spots),
        tag(
            "table",
            tag("caption", "The ways to run the sequence", class_="unseen"),
            tag("thead", head),
            tag("tbody", *rows),
            class_="compact",
        ),
        class_="card padded",
    )


def _legend() -> Markup:
    items = (
        tag("li", tag("span", class_=f"swatch curve-{name}", aria_hidden="true"), f"{name} at other thresholds")
        for name in ("policy", "oracle")
    )
    return tag("ul", *items, class_="legend small")


def _points(outcomes: Sequence[Mapping[str, Any]]) -> list[Point]:
    return [_point(each) for each in outcomes]


def _point(outcome: Mapping[str, Any]) -> Point:
    return float(outcome["mean_ms"]), float(outcome["map50_95"])
