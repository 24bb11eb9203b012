"""Charts as SVG that is as wide as its place: positions in percent, sizes of type and marks in pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from zcc.web.marks import outline, series
from zcc.web.markup import Child, Markup, joined, tag

Point = tuple[float, float]
ABOUT = 5  # ticks
AROUND = 0.1  # of a value that is alone, to either side


@dataclass(frozen=True)
class Axis:
    """Values along a side, from a round number to a round number."""

    ticks: tuple[float, ...]
    digits: int

    @classmethod
    def around(cls, values: Iterable[float], zero: bool = False) -> Axis:
        """The axis that shows all of them, and zero if wanted."""
        known = [*values, *([0.0] if zero else [])]
        low, high = min(known), max(known)
        if low == high:  # one value stands in the middle, not in a corner
            low, high = low - (AROUND * abs(low) or 1.0), high + (AROUND * abs(high) or 1.0)
        step = _round_step((high - low) / ABOUT)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        ticks = tuple(number * step for number in range(first, max(last, first + 1) + 1))
        return cls(ticks, max(0, -math.floor(math.log10(step) + 1e-9)))

    def share(self, value: float) -> float:
        """How far along a value lies, 0 to 1."""
        return (value - self.ticks[0]) / (self.ticks[-1] - self.ticks[0])


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= step * (1 - 1e-9))


@dataclass(frozen=True)
class Plane:
    """Two axes and what they are called."""

    x: Axis
    y: Axis
    x_title: str
    y_title: str

    def draw(self, label: str, *layers: Child) -> Markup:
        """The chart with what lies in it, the last on top."""
        plot = tag("svg", self._grid(), *layers, class_="plot", width="100%", height="100%")
        titles = (
            tag("p", self.y_title, class_="y-title small soft"),
            tag("p", self.x_title, class_="x-title small soft"),
        )
        return tag("div", titles[0], plot, titles[1], class_="chart", role="group", aria_label=label)

    def line(self, points: Sequence[Point], class_: str) -> Markup:
        """A line through points."""
        return tag("g", (self._stroke(*pair) for pair in pairwise(points)), class_=class_)

    def spot(self, point: Point, *inside: Child) -> Markup:
        """A place in the chart, what is inside drawn around (0, 0)."""
        x, y = self._at(point)
        return tag("svg", *inside, x=x, y=y, width="1", height="1", class_="spot")

    def marked(self, point: Point, dtype: str) -> Markup:
        """A precision's mark at a place."""
        return self.spot(point, tag("g", outline(dtype), class_=f"shape {series(dtype)}"))

    def _stroke(self, start: Point, end: Point) -> Markup:
        (x1, y1), (x2, y2) = self._at(start), self._at(end)
        return tag("line", x1=x1, y1=y1, x2=x2, y2=y2)

    def _at(self, point: Point) -> tuple[str, str]:
        return _percent(self.x.share(point[0])), _percent(1 - self.y.share(point[1]))

    def _grid(self) -> Markup:
        rows = (
            (
                tag("line", x1="0", x2="100%", y1=place, y2=place),
                tag("text", f"{tick:.{self.y.digits}f}", x="-10", y=place, dy="4", text_anchor="end"),
            )
            for tick, place in ((tick, _percent(1 - self.y.share(tick))) for tick in self.y.ticks)
        )
        columns = (
            tag(
                "text",
                f"{tick:.{self.x.digits}f}",
                x=_percent(self.x.share(tick)),
                y="100%",
                dy="22",
                text_anchor="middle",
            )
            for tick in self.x.ticks
        )
        return tag("g", joined(rows), joined(columns), class_="grid", aria_hidden="true")


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def bars(parts: Sequence[tuple[float, str]], whole: float) -> Markup:
    """Lengths one after another in a bar, each with the class of its colour."""
    shapes, left = [], 0.0
    for length, class_ in parts:
        shapes.append(
            tag("rect", x=_percent(left / whole), width=_percent(length / whole), y="0", height="100%", class_=class_)
        )
        left += length
    return tag("svg", joined(shapes), class_="bar", width="100%", height="100%", aria_hidden="true")
