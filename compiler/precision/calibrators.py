"""From how often which value occurs to the range that bytes shall cover: one entry of CALIBRATORS per method.

A wide range keeps the rare large values, a narrow one is finer for all the others; the methods differ in how they
weigh one against the other. DEFAULT lost least mAP50-95 over the detectors and pictures it was measured on; but for
entropy, which cuts far too much of what SiLU leaves, all were close.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.ir.quantisation import LEVELS, Quantisation
from zcc.compiler.precision.histogram import ValueHistogram

Floats = NDArray[np.float64]
Range = tuple[float, float]
Calibrator = Callable[[ValueHistogram], Range]
Cost = Callable[[ValueHistogram, Quantisation], float]

OUTSIDE = 1e-6  # the part of all values that the percentile range leaves out at each end
# Parts of the full range that are tried, finest where the best usually lies; then which ends they are tried at.
PARTS = np.concatenate([np.linspace(1.0, 0.5, 51), np.geomspace(0.48, 0.01, 30)])
ENDS = ((True, True), (False, True), (True, False), (False, True), (True, False))


def minmax(histogram: ValueHistogram) -> Range:
    """The range of all values."""
    return histogram.low, histogram.high


def percentile(histogram: ValueHistogram) -> Range:
    """All but the outermost few."""
    below = np.concatenate([[0.0], np.cumsum(histogram.counts)]) / histogram.total
    low, high = np.interp([OUTSIDE, 1 - OUTSIDE], below, histogram.edges)
    return max(float(low), histogram.low), min(float(high), histogram.high)


def mean_square(histogram: ValueHistogram) -> Range:
    """The range over which rounding and cutting lose the least square error."""
    return _search(histogram, partial(_error, weigh=np.square))


def mean_cube(histogram: ValueHistogram) -> Range:
    """The same with cubes: the rare large values, on which detections hang, count for more."""
    return _search(histogram, partial(_error, weigh=_cubed))


def entropy(histogram: ValueHistogram) -> Range:
    """The range whose bytes tell most of the distribution: least Kullback-Leibler divergence."""
    return _search(histogram, _divergence)


def _search(histogram: ValueHistogram, cost: Cost) -> Range:
    """The best of the tried ranges; of equals the wider."""
    full = min(histogram.low, 0.0), max(histogram.high, 0.0)
    best = full
    for low_moves, high_moves in ENDS:
        ranges = [
            (full[0] * part if low_moves else best[0], full[1] * part if high_moves else best[1]) for part in PARTS
        ]
        costs = [cost(histogram, Quantisation.of_range(*tried)) for tried in ranges]
        best = ranges[int(np.argmin(costs))]
    return float(best[0]), float(best[1])


def _error(histogram: ValueHistogram, quantisation: Quantisation, weigh: Callable[[Floats], Floats]) -> float:
    centres = histogram.centres
    cut = np.clip(np.rint(centres / quantisation.scale) + quantisation.zero_point, 0, LEVELS)
    error = (cut - quantisation.zero_point) * quantisation.scale - centres
    # In proportion to the values, so that no power of a tiny or huge number leaves what floats can hold.
    return float(histogram.counts @ weigh(error / _farthest(histogram)))


def _cubed(error: Floats) -> Floats:
    # numpy's own third power takes ten times as long.
    return np.abs(error * error * error)


def _farthest(histogram: ValueHistogram) -> float:
    """The distance from zero of the value that is farthest from it; 1 where all are zero."""
    return max(-histogram.low, histogram.high) or 1.0


def _divergence(histogram: ValueHistogram, quantisation: Quantisation) -> float:
    """From the distribution cut to the range to the one that is even within each byte where it is not empty."""
    levels = np.rint(histogram.centres / quantisation.scale) + quantisation.zero_point
    inside = (levels >= 0) & (levels <= LEVELS)
    if not inside.any():
        return np.inf
    clipped, counts = np.clip(levels, 0, LEVELS).astype(np.int64), histogram.counts
    # What lies beyond the range is found at its ends, but tells nothing about them: it enters one side only.
    truth = _with_ends(counts, inside)
    present = (truth > 0) & inside
    sizes = np.bincount(clipped[present], minlength=LEVELS + 1)
    masses = np.bincount(clipped[inside], counts[inside], minlength=LEVELS + 1)
    model = masses[clipped[present]] / sizes[clipped[present]]
    p, q = truth[present] / truth[present].sum(), model / masses.sum()
    return float((p * np.log(p / np.maximum(q, np.finfo(float).tiny))).sum())


def _with_ends(counts: NDArray[np.int64], inside: NDArray[np.bool_]) -> Floats:
    truth = counts.astype(np.float64)
    first, last = np.flatnonzero(inside)[[0, -1]]
    truth[first] += counts[:first].sum()
    truth[last] += counts[last + 1 :].sum()
    return truth


CALIBRATORS: dict[str, Calibrator] = {
    "minmax": minmax,
    "percentile": percentile,
    "mse": mean_square,
    "cube": mean_cube,
    "entropy": entropy,
}
DEFAULT = "cube"
