"""Whether labels number their classes as the model does, judged by what is found where the labels are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.quality.boxes import as_boxes, overlaps
from zcc.compiler.quality.coco_map import DetectionArrays, Labels
from zcc.compiler.quality.confident import confident

SAME_PLACE = 0.5  # overlap
ENOUGH = 8  # objects that the other order makes right
FAR_BETTER = 2.0  # times as many of them have the right class
TOLD = 4  # classes in the warning

Counts = NDArray[np.int64]


def doubt(labels: Sequence[Labels], found: Sequence[DetectionArrays], names: Sequence[str]) -> str | None:
    """A warning when another order of the labels' classes would fit far better; None when all is well."""
    counts = _confusion(labels, found)
    names = [*names, *(str(number) for number in range(len(names), len(counts)))]
    moved = {kind: other for kind, other in _best_order(counts).items() if kind != other}
    there = int(counts[list(moved)].sum())
    as_it_is = sum(int(counts[kind, kind]) for kind in moved)
    instead = sum(int(counts[kind, other]) for kind, other in moved.items())
    if instead < ENOUGH or 2 * instead < there or instead < FAR_BETTER * as_it_is:
        return None
    said = [f"{names[kind]} meant {names[other]}" for kind, other in moved.items()]
    more = ", …" if len(said) > TOLD else ""
    return (
        f"the labels seem to number their classes in another order: of {there} objects {instead} would be right "
        f"instead of {as_it_is} if {', '.join(said[:TOLD])}{more}; "
        "say what they mean in a classes.txt or data.yaml beside them"
    )


def _confusion(labels: Sequence[Labels], found: Sequence[DetectionArrays]) -> Counts:
    """How often an object of the class of the row was found as one of the class of the column."""
    confident_of = [confident(seen) for seen in found]
    kinds = [np.asarray(each.classes, np.int64) for each in (*labels, *confident_of)]
    classes = 1 + max((int(each.max()) for each in kinds if each.size), default=-1)
    counts = np.zeros((classes, classes), np.int64)
    for there, seen in zip(labels, confident_of, strict=True):
        if not len(seen.scores) or not len(there.classes):
            continue
        shares = overlaps(as_boxes(there.boxes), seen.boxes)
        best = shares.argmax(axis=1)
        right = (shares.max(axis=1) >= SAME_PLACE) & ~there.crowd
        np.add.at(counts, (there.classes[right], seen.classes[best[right]]), 1)
    return counts


def _best_order(counts: Counts) -> dict[int, int]:
    """For each class that is labelled another one of its own; the surest pairs first."""
    order: dict[int, int] = {}
    for place in np.argsort(-counts, axis=None, kind="stable"):
        kind, other = (int(each) for each in divmod(int(place), len(counts)))
        if not counts[kind, other]:
            break
        if kind not in order and other not in order.values():
            order[kind] = other
    return dict(sorted(order.items()))
