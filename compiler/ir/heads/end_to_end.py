"""Exports that return finished detections: rows of x1, y1, x2, y2, score, class."""

from __future__ import annotations

import numpy as np

from zcc.compiler.ir.heads.family import SLACK, Array, Family


def rows_are_detections(rows: Array, family: Family) -> bool:
    """Whether the fifth column is a score and the sixth a class number."""
    score, label = rows[:, 4], rows[:, 5]
    return bool(((score >= -SLACK) & (score <= 1 + SLACK) & (label == np.round(label)) & (label >= -1)).all())


END_TO_END = Family(
    "end-to-end",
    "(1, N, 6)",
    objectness=False,
    candidates_last=False,
    per_cell=1,
    plausible=rows_are_detections,
    final=True,
)
