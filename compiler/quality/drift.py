"""Confidence drift: how far scores move where one detector takes another's place.

Precision hardly sees it, since it only asks in which order detections come; a threshold that someone chose does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.quality.boxes import overlaps
from zcc.compiler.quality.confident import ConfidentDetections

SAME = 0.5  # the overlap from which on two boxes of a class are one


@dataclass(frozen=True)
class Drift:
    """What became of the reference's detections; `mean` and `p95` are None where none has a counterpart."""

    mean: float | None  # of the absolute differences between the scores of matched detections
    p95: float | None  # their 95th percentile
    matched: int
    lost: int  # detections of the reference alone
    gained: int  # detections of the candidate alone


def confidence_drift(reference: Sequence[ConfidentDetections], candidate: Sequence[ConfidentDetections]) -> Drift:
    """Compare what two detectors are sure of in the same pictures, picture by picture."""
    moves = [np.zeros(0)]
    for mine, theirs in zip(reference, candidate, strict=True):
        partners = match(mine, theirs)
        found = partners >= 0
        moves.append(np.abs(mine.scores[found] - theirs.scores[partners[found]]))
    differences = np.concatenate(moves)
    return Drift(
        mean=float(differences.mean()) if differences.size else None,
        p95=float(np.percentile(differences, 95)) if differences.size else None,
        matched=differences.size,
        lost=sum(len(each.scores) for each in reference) - differences.size,
        gained=sum(len(each.scores) for each in candidate) - differences.size,
    )


def match(reference: ConfidentDetections, candidate: ConfidentDetections) -> NDArray[np.int64]:
    """For each detection of the reference its counterpart among the candidate's, -1 where it has none.

    The surest choose first, each the free one of its class that overlaps it most; of equals the surest.
    """
    shares = overlaps(reference.boxes, candidate.boxes)
    shares[reference.classes[:, None] != candidate.classes[None, :]] = 0.0
    partners = np.full(len(reference.scores), -1)
    for number in range(len(partners) if len(candidate.scores) else 0):
        choice = int(shares[number].argmax())
        if shares[number, choice] >= SAME:
            partners[number] = choice
            shares[:, choice] = 0.0
    return partners
