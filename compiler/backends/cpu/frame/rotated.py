"""Rotated boxes: which are kept, by the overlap of the normal distributions that stand for them.

A box of w x h, turned, stands for a normal distribution with variances w*w/12 and h*h/12 along its sides, and two boxes
overlap by one less the Hellinger distance between theirs. A candidate goes where any surer one of its class overlaps it
more than is allowed, whether that one was kept or not: so exporters do it, and so each is compared with all before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.lanes import any_lane
from zcc.compiler.backends.cpu.frame.letterbox import Expr
from zcc.compiler.backends.cpu.frame.raw import natural_log
from zcc.compiler.backends.cpu.frame.scratch import variable

EPSILON = 1e-7  # keeps quotients and logarithms finite, as exporters do
NUMBERS = 5  # of a rotated box: centre, sides, angle
NO_LABEL = -1
QUARTERS = 0.25  # of an angle, for which a short series does


@dataclass(frozen=True)
class Ranked:
    """Buffers that hold every candidate looked at so far; NO_LABEL fills up the last vector."""

    spreads: Any  # float32 [6, capacity]: x, y, variances along x and y, covariance, determinant
    labels: Any  # int32 [capacity]
    lanes: int


def _sine(q: Expr) -> Expr:
    square = q * q
    series = T.float32(1 / 362880)
    for factor in (-1 / 5040, 1 / 120, -1 / 6, 1.0):
        series = series * square + T.float32(factor)
    return q * series


def _cosine(q: Expr) -> Expr:
    square = q * q
    series = T.float32(-1 / 3628800)
    for factor in (1 / 40320, -1 / 720, 1 / 24, -1 / 2, 1.0):
        series = series * square + T.float32(factor)
    return series


@inline
def turn(angle: Any, out: Any) -> None:
    """Put cosine and sine of an angle within a turn into `out`: of its quarter, doubled twice. No call into libm."""
    sine: T.let = _sine(angle * T.float32(QUARTERS))
    cosine: T.let = _cosine(angle * T.float32(QUARTERS))
    sine_of_half: T.let = T.float32(2) * sine * cosine
    cosine_of_half: T.let = T.float32(1) - T.float32(2) * sine * sine
    out[0] = T.float32(1) - T.float32(2) * sine_of_half * sine_of_half
    out[1] = T.float32(2) * sine_of_half * cosine_of_half


@inline
def _spread(box: Any, turned: Any, spread: Any) -> None:
    """The distribution that stands for a box."""
    along: T.let = box[2] * box[2] * T.float32(1 / 12)
    beside: T.let = box[3] * box[3] * T.float32(1 / 12)
    spread[0] = box[0]
    spread[1] = box[1]
    spread[2] = along * turned[0] * turned[0] + beside * turned[1] * turned[1]
    spread[3] = along * turned[1] * turned[1] + beside * turned[0] * turned[0]
    spread[4] = (along - beside) * turned[0] * turned[1]
    spread[5] = T.max(spread[2] * spread[3] - spread[4] * spread[4], T.float32(0))


def distance_bound(iou: Expr) -> Expr:
    """The Bhattacharyya distance below which two boxes overlap by more than `iou`."""
    rest = T.float32(1) - T.max(T.min(iou, T.float32(1)), T.float32(0))
    return -natural_log(T.max(T.float32(1 + EPSILON) - rest * rest, T.float32(EPSILON)))


def _distance(ranked: Ranked, spread: Any, place: Expr) -> Expr:
    """From the box to one that was ranked before."""
    x, y, a, b, c, determinant = (ranked.spreads[number, place] for number in range(6))
    across, down = spread[0] - x, spread[1] - y
    sum_a, sum_b, sum_c = spread[2] + a, spread[3] + b, spread[4] + c
    whole = sum_a * sum_b - sum_c * sum_c
    apart = sum_a * down * down + sum_b * across * across - T.float32(2) * sum_c * across * down
    shared = T.float32(4) * T.sqrt(spread[5] * determinant) + T.float32(EPSILON)
    unlike = natural_log(whole / shared + T.float32(EPSILON))
    return apart / (whole + T.float32(EPSILON)) * T.float32(0.25) + unlike * T.float32(0.5)


@inline
def _is_suppressed(ranked: Any, count: Any, spread: Any, label: Any, bound: Any, verdict: Any) -> None:
    """Whether a box ranked before, of the same class, is nearer than the bound."""
    near = T.alloc_buffer((ranked.lanes,), "int32")
    first = variable("int32")
    verdict[0] = T.bool(False)
    first[0] = 0
    while first[0] < count and not verdict[0]:
        for lane in T.vectorized(ranked.lanes):
            near[lane] = T.cast(
                T.And(
                    T.max(_distance(ranked, spread, first[0] + lane), T.float32(EPSILON)) < bound,
                    ranked.labels[first[0] + lane] == label,
                ),
                "int32",
            )
        verdict[0] = any_lane(near[T.ramp(0, 1, ranked.lanes)] > T.broadcast(0, ranked.lanes))
        first[0] = first[0] + ranked.lanes


@inline
def _rank(ranked: Any, place: Any, spread: Any, label: Any) -> None:
    """Put a candidate behind those ranked before."""
    if T.truncmod(place, ranked.lanes) == 0:
        for lane in T.vectorized(ranked.lanes):
            ranked.labels[place + lane] = NO_LABEL
            for number in T.unroll(6):
                ranked.spreads[number, place + lane] = T.float32(1)
    for number in T.unroll(6):
        ranked.spreads[number, place] = spread[number]
    ranked.labels[place] = label


@inline
def _keep(kept: Any, turned_boxes: Any, count: Any, box: Any, turned: Any, index: Any) -> None:
    """Put a box behind those kept so far, and the upright one around it."""
    reach_x: T.let = (T.abs(box[2] * turned[0]) + T.abs(box[3] * turned[1])) * T.float32(0.5)
    reach_y: T.let = (T.abs(box[2] * turned[1]) + T.abs(box[3] * turned[0])) * T.float32(0.5)
    kept.corners[0, count] = box[0] - reach_x
    kept.corners[1, count] = box[1] - reach_y
    kept.corners[2, count] = box[0] + reach_x
    kept.corners[3, count] = box[1] + reach_y
    kept.indices[count] = index
    for number in T.unroll(NUMBERS):
        turned_boxes[count, number] = box[number]


@inline
def select_rotated(
    source: Any,
    views: Any,
    found: Any,
    order: Any,
    total: Any,
    ranked: Any,
    kept: Any,
    details: Any,
    iou: Any,
    out: Any,
) -> None:
    """Walk down the ranking and keep what nothing surer suppresses, until enough is kept."""
    box = T.alloc_buffer((NUMBERS,), "float32")
    turned = T.alloc_buffer((2,), "float32")
    spread = T.alloc_buffer((6,), "float32")
    suppressed = variable("bool")
    place = variable("int32")
    bound: T.let = distance_bound(iou)
    place[0] = 0
    suppressed[0] = T.bool(False)
    out.count[0] = 0
    while place[0] < total and out.count[0] < out.capacity:
        index: T.let = order[0, place[0]]
        source.read_rotated(views, index, box)
        turn(box[4], turned)
        if source.suppress:
            _spread(box, turned, spread)
            _is_suppressed(ranked, place[0], spread, found.labels[index], bound, suppressed)
            _rank(ranked, place[0], spread, found.labels[index])
        if T.Not(suppressed[0]):
            _keep(kept, details, out.count[0], box, turned, index)
            out.scores[out.count[0]] = found.scores[index]
            out.labels[out.count[0]] = found.labels[index]
            out.count[0] = out.count[0] + 1
        place[0] = place[0] + 1
