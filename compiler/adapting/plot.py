"""The trade-off between accuracy and time as an SVG picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

from zcc.compiler.adapting.outcome import Outcome
from zcc.compiler.adapting.report import ORACLE, POLICY, AdaptReport

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 44, 56
TICKS = 6  # about
COLORS = {POLICY: "#1565c0", ORACLE: "#2e7d32"}
OTHER = "#424242"

Point = tuple[float, float]


class PlotAxis:
    """Values along one side of the picture, from a round number to a round number."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        span = max(values) - min(values) or abs(max(values)) or 1.0
        step = _round_step(span / TICKS)
        low, high = math.floor(min(values) / step), math.ceil(max(values) / step)
        self.ticks = [number * step for number in range(low, max(high, low + 1) + 1)]
        self.digits = max(0, -math.floor(math.log10(step) + 1e-9))
        self._begin, self._end = begin, end

    def place(self, value: float) -> float:
        """Where a value is drawn."""
        first, last = self.ticks[0], self.ticks[-1]
        return self._begin + (value - first) / (last - first) * (self._end - self._begin)


def draw(report: AdaptReport, title: str) -> str:
    """Curves of the policy and the oracle, and a mark for each way to run the sequence."""
    curves = {POLICY: [_point(each.outcome) for each in report.curve], ORACLE: list(map(_point, report.oracle_curve))}
    marks = {way: _point(found) for way, found in report.outcomes.items()}
    points = [*(point for curve in curves.values() for point in curve), *marks.values()]
    x = PlotAxis([point[0] for point in points], LEFT, WIDTH - RIGHT)
    y = PlotAxis([point[1] for point in points], HEIGHT - BOTTOM, TOP)
    shapes = [
        *_frame(x, y, title),
        *(_curve(sorted(curve), x, y, COLORS[way]) for way, curve in curves.items()),
        *(shape for way, point in marks.items() for shape in _mark(way, point, x, y)),
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *shapes, "</svg>\n"])


def _point(found: Outcome) -> Point:
    return found.mean_ms, found.map50_95


def _round_step(step: float) -> float:
    """The next of 1, 2, 5, 10, … that is not smaller."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * part for part in (1, 2, 5, 10) if power * part >= step * (1 - 1e-9))


def _frame(x: PlotAxis, y: PlotAxis, title: str) -> Iterable[str]:
    yield _text(WIDTH / 2, 24, title, "middle", 15)
    for tick in x.ticks:
        place = x.place(tick)
        yield _line(place, TOP, place, HEIGHT - BOTTOM)
        yield _text(place, HEIGHT - BOTTOM + 18, f"{tick:.{x.digits}f}", "middle")
    for tick in y.ticks:
        place = y.place(tick)
        yield _line(LEFT, place, WIDTH - RIGHT, place)
        yield _text(LEFT - 8, place + 4, f"{tick:.{y.digits}f}", "end")
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, "mean time of a frame, ms", "middle")
    yield f'<g transform="rotate(-90)">{_text(-(TOP + HEIGHT - BOTTOM) / 2, 20, "mAP50-95", "middle")}</g>'


def _curve(points: Sequence[Point], x: PlotAxis, y: PlotAxis, color: str) -> str:
    path = " ".join(f"{x.place(a):.1f},{y.place(b):.1f}" for a, b in points)
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2" stroke-opacity="0.6"/>'


def _mark(way: str, point: Point, x: PlotAxis, y: PlotAxis) -> Iterable[str]:
    color, place, height = COLORS.get(way, OTHER), x.place(point[0]), y.place(point[1])
    yield f'<circle cx="{place:.1f}" cy="{height:.1f}" r="5" fill="{color}"/>'
    inward = place > WIDTH * 0.75
    yield _text(place + (-9 if inward else 9), height - 8, way, "end" if inward else "start", 13, color)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#e0e0e0"/>'


def _text(x: float, y: float, text: str, anchor: str, size: int = 12, color: str = "#212121") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{color}"'
    return f"<text {place}>{escape(text)}</text>"
