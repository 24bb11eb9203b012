"""Which variants a user asks for."""

from __future__ import annotations

from collections.abc import Sequence

from zcc.compiler.backends.table import find_target
from zcc.compiler.backends.target import Target
from zcc.compiler.precision.table import QUANTISED, REFERENCE, Precision, find_precision


def check_variants(dtypes: Sequence[str], target: str) -> None:
    """Raise for words that name no precision or target, before a model is read."""
    find_variants(dtypes, target, quantised=False)


def find_variants(dtypes: Sequence[str], target: str, quantised: bool) -> list[tuple[Precision, Target]]:
    """Each precision once, with the target that it is compiled for; without a wish, what the model is meant for."""
    wanted = dtypes or (QUANTISED if quantised else REFERENCE,)
    precisions = [find_precision(dtype) for dtype in dict.fromkeys(wanted)]
    return [(precision, find_target(target, precision.name)) for precision in precisions]
