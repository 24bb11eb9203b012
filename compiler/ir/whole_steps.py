"""Weights that are whole multiples of a step already, as those of models that other tools quantised are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

NEAR = 1e-3  # of a step
SEEN = 32  # weights of a row that are looked at before all


def whole_steps(rows: Rows, lowest: int, highest: int) -> Rows:
    """For each row the finest step of which all its numbers are whole multiples within the limits, 0 where none is.

    A row of zeros has an endless step.
    """
    largest = np.abs(rows).max(axis=1)
    steps = np.where(largest > 0, 0.0, np.inf)
    for count in range(max(-lowest, highest), 0, -1):
        tried = np.flatnonzero(steps == 0)
        if not len(tried):
            break
        for columns in (slice(SEEN), slice(None)):
            units = rows[tried, columns] * (count / largest[tried])[:, None]
            near = (np.abs(units - np.rint(units)) <= NEAR).all(axis=1)
            tried = tried[near & ((units > lowest - 0.5) & (units < highest + 0.5)).all(axis=1)]
        steps[tried] = largest[tried] / count
    return steps
