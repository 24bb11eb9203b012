"""Heads that answer a fixed number of queries, as RT-DETR's: each a box in parts of the input, and a score per class.

The queries were chosen before, and their answers do not overlap by design: nothing is suppressed.
"""

from __future__ import annotations

from zcc.compiler.ir.heads.family import SLACK, Array, Family


def parts_and_scores(rows: Array, family: Family) -> bool:
    """Whether boxes and scores all lie within 0..1."""
    return not bool(((rows < -SLACK) | (rows > 1 + SLACK)).any())


QUERIES = Family(
    "queries",
    "(1, N, 4+classes)",
    objectness=False,
    candidates_last=False,
    per_cell=0,
    plausible=parts_and_scores,
    queries=True,
)
