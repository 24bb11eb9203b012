"""How much edge a picture shows, counted while it is made: a cheap measure of how busy a scene is.

An edge is where green differs between neighbours in a row by more than `EDGE_STEP`. Counting says more than the mean of
the differences, which noise and texture all over the picture outweigh. Every `EDGE_ROWS`-th row stands for all.
"""

from __future__ import annotations

from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.image_layout import ImageLayout
from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.letterbox import Expr, LetterboxPlace

# Chosen, not fitted: above what a camera's noise does from pixel to pixel, below an object's outline; a policy's
# thresholds are fitted to what comes out (`zcc adapt REF --data DIR --fit`).
EDGE_STEP = 24  # grey levels
EDGE_ROWS = 4  # neighbouring rows show nearly the same, and each row that is counted costs time


def _is_edge(layout: ImageLayout, image: Any, y: Expr, x: Expr) -> Expr:
    """1 where a pixel differs from the one before it, else 0."""
    step = layout.green(image, y, x) - layout.green(image, y, x - 1)
    return T.cast(T.cast(step + EDGE_STEP, "uint32") > T.uint32(2 * EDGE_STEP), "int32")


@inline
def count_edges(layout: ImageLayout, image: Any, y: Any, place: LetterboxPlace, lanes: int, counts: Any) -> None:
    """Add the edges of an image row to the counts of the lanes, if the row is one of those that are looked at."""
    if T.And(place.holds_row(y), T.truncmod(y - place.top, EDGE_ROWS) == 0):
        vectors: T.let = T.truncdiv(place.width - 1, lanes)
        for vector in T.serial(0, vectors):
            for lane in T.vectorized(lanes):
                counts[lane] += _is_edge(layout, image, y, place.left + 1 + vector * lanes + lane)
        for x in T.serial(place.left + 1 + vectors * lanes, place.left + place.width):
            counts[0] += _is_edge(layout, image, y, x)


@inline
def sum_lanes(counts: Any, lanes: int, sums: Any, group: Any) -> None:
    """Put the sum of the lanes' counts where a group's is kept."""
    sums[group] = 0
    for lane in T.serial(0, lanes):
        sums[group] += counts[lane]


@inline
def share_edges(counts: Any, groups: int, place: LetterboxPlace, share: Any) -> None:
    """Put the share of edges among the pairs of neighbours into `share`; a picture without pairs has none."""
    pairs: T.let = (place.width - 1) * T.truncdiv(place.height + EDGE_ROWS - 1, EDGE_ROWS)
    for group in T.serial(1, groups):
        counts[0] += counts[group]
    share[0] = T.cast(counts[0], "float32") / T.cast(T.max(pairs, 1), "float32")
