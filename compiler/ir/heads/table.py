"""The head families that zcc compiles: one row and one file each."""

from __future__ import annotations

from zcc.compiler.ir.heads.anchor_based import ANCHOR_BASED
from zcc.compiler.ir.heads.anchor_free import ANCHOR_FREE, ANCHOR_FREE_ROWS
from zcc.compiler.ir.heads.end_to_end import END_TO_END
from zcc.compiler.ir.heads.family import Family
from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.heads.queries import QUERIES

FAMILIES: tuple[Family, ...] = (ANCHOR_FREE, ANCHOR_FREE_ROWS, ANCHOR_BASED, END_TO_END, QUERIES)


def family_of(head: Head) -> Family:
    """The family that a head is of."""
    return next(family for family in FAMILIES if family.name == head.family)
