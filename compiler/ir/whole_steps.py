"""Weights that are whole multiples of a step already, as those of models that other tools quantised are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

NEAR = 1e-3  # of a step
SEEN = 8  # weights of a row that are looked at before all


def whole_steps(rows: Rows, lowest: int, highest: int) -> Rows:
    """For each row the finest step of which all its numbers are whole multiples within the limits, 0 where none is.

    A row of zeros has an endless step.
    """
    largest = np.abs(rows).max(axis=1)
    steps = np.where(largest > 0, 0.0, np.inf)
    some = np.flatnonzero(steps == 0)
    counts = np.arange(max(-lowest, highest), 0, -1)
    few = rows[some, :SEEN, None] * (counts / largest[some, None])[:, None, :]
    hopeful = _whole(few, lowest, highest)
    for at in np.flatnonzero(hopeful.any(axis=0)):
        tried = some[hopeful[:, at] & (steps[some] == 0)]
        tried = tried[_whole(rows[tried] * (counts[at] / largest[tried])[:, None], lowest, highest)]
        steps[tried] = largest[tried] / counts[at]
    return steps


def _whole(units: Rows, lowest: int, highest: int) -> NDArray[np.bool_]:
    """Whether all along the second axis are nearly whole, and within the limits."""
    near = np.abs(units - np.rint(units)) <= NEAR
    within: NDArray[np.bool_] = near & (units > lowest - 0.5) & (units < highest + 0.5)
    return np.asarray(within.all(axis=1))
