"""Whether all contestants see the same: a race between detectors that differ would mean nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from zcc.compiler.backends.common.relative_error import head_error
from zcc.compiler.ir.heads.head import Head
from zcc.compiler.racing.contestant import Floats, FoundBoxes, Pixels, Thresholds
from zcc.compiler.racing.worker import RaceWorker
from zcc.runtime.errors import BenchmarkError

# Below this a score is noise: an untrained network gives every class the same, and rounding decides which is best.
LEAST_CONF = 0.01


@dataclass(frozen=True)
class AgreementTolerance:
    """How far two detectors may be apart and still be called the same."""

    output: float  # relative error of the head's output
    overlap: float  # IoU of a detection with its counterpart, at least
    score: float  # difference of their scores, at most
    share: float  # detections that have a counterpart, at least


# By the artifact's dtype. Letterboxes that round differently by a grey level move scores in the third decimal.
EXACT = AgreementTolerance(output=1e-3, overlap=0.9, score=0.02, share=0.98)
TOLERANCES = {"fp32": EXACT}
REDUCED = AgreementTolerance(output=np.inf, overlap=0.75, score=0.15, share=0.9)


def loosest(dtypes: Iterable[str]) -> AgreementTolerance:
    """What artifacts of these dtypes may be apart from others."""
    return max((TOLERANCES.get(dtype, REDUCED) for dtype in dtypes), key=lambda tolerance: tolerance.output)


@dataclass(frozen=True)
class Agreement:
    """What a peer has in common with the first contestant."""

    peer: str
    conf: float  # the threshold at which detections were compared
    detections: int
    share: float  # of both sides' detections, those that the other side has too
    error: float | None  # the largest relative error of the head's output, where both decode it


def check_agreement(
    workers: Sequence[RaceWorker],
    frames: Sequence[Pixels],
    image: Floats,
    head: Head,
    thresholds: Thresholds,
    tolerance: AgreementTolerance,
) -> list[Agreement]:
    """Every peer against the first worker, or a BenchmarkError where they do not see the same."""
    first, *peers = workers
    seen, used = _sightings(first, frames, thresholds)
    output = first.network(image)
    agreements = []
    for peer in peers:
        pairs = [(mine, peer.detect(frame, used)) for mine, frame in zip(seen, frames, strict=True)]
        theirs = peer.network(image)
        agreement = Agreement(
            peer.name,
            used.conf,
            sum(len(mine.scores) for mine in seen),
            shared(pairs, used.conf, tolerance),
            None if output is None or theirs is None else head_error(theirs, output, head),
        )
        _refuse_strangers(first.name, agreement, tolerance)
        agreements.append(agreement)
    return agreements


def _sightings(
    worker: RaceWorker, frames: Sequence[Pixels], thresholds: Thresholds
) -> tuple[list[FoundBoxes], Thresholds]:
    """What the worker finds; where that is nothing, at a threshold low enough to let something through."""
    seen = [worker.detect(frame, thresholds) for frame in frames]
    if any(len(found.scores) for found in seen):
        return seen, thresholds
    faint = [worker.detect(frame, thresholds._replace(conf=LEAST_CONF)) for frame in frames]
    best = max((float(found.scores[0]) for found in faint if len(found.scores)), default=0.0)
    if not best:
        return seen, thresholds
    lower = thresholds._replace(conf=best / 2)
    return [worker.detect(frame, lower) for frame in frames], lower


def _refuse_strangers(name: str, agreement: Agreement, tolerance: AgreementTolerance) -> None:
    if agreement.error is not None and not agreement.error <= tolerance.output:
        raise BenchmarkError(
            f"{name} and {agreement.peer} compute different things: the head's output is "
            f"{agreement.error:.1e} apart, more than {tolerance.output:.0e}",
            "compile the model again; if that does not help, report it",
        )
    if agreement.share < tolerance.share:
        raise BenchmarkError(
            f"{name} and {agreement.peer} see different things: {agreement.share:.1%} of the detections "
            f"have a counterpart, fewer than {tolerance.share:.0%}",
            "give pictures the model was trained for with --images",
        )


def shared(pairs: Sequence[tuple[FoundBoxes, FoundBoxes]], conf: float, tolerance: AgreementTolerance) -> float:
    """The share of both sides' detections that the other side has too; 1 where there are none.

    What is within the tolerance of the threshold may be seen by one side alone, and is not counted.
    """
    sides = [
        side for one, other in pairs for side in (_matched(one, other, tolerance), _matched(other, one, tolerance))
    ]
    scores = [found.scores for one, other in pairs for found in (one, other)]
    sure = np.concatenate(scores) > conf + min(tolerance.score, conf)
    matched = np.concatenate(sides)
    return float(matched[sure].mean()) if sure.any() else float(matched.mean() if matched.size else 1.0)


def _matched(
    found: FoundBoxes, other: FoundBoxes, tolerance: AgreementTolerance
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which detections have a counterpart: the same class, nearly the same place and score."""
    alike = found.classes[:, None] == other.classes[None]
    alike &= np.abs(found.scores[:, None] - other.scores[None]) <= tolerance.score
    alike &= overlaps(found.boxes, other.boxes) >= tolerance.overlap
    return np.asarray(alike.any(axis=1))


def overlaps(boxes: Floats, others: Floats) -> Floats:
    """Intersection over union of every pair; boxes without area overlap where they are equal."""
    corner = np.maximum(boxes[:, None, :2], others[None, :, :2])
    sides = np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - corner
    common = np.prod(np.maximum(sides, 0), axis=2)
    union = _area(boxes)[:, None] + _area(others)[None] - common
    equal = (boxes[:, None] == others[None]).all(axis=2)
    ratio: Floats = np.divide(common, union, out=equal.astype(np.float32), where=union > 0)
    return ratio


def _area(boxes: Floats) -> Floats:
    return np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
