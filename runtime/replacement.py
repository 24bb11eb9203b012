"""Whether an artifact may take the place of the one that runs, tried on a real frame before anyone relies on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zcc.runtime.agreement import agreement
from zcc.runtime.frame import Frame
from zcc.runtime.loading import blank
from zcc.runtime.manifest import Manifest
from zcc.runtime.tasks.classification import Classification
from zcc.runtime.variant import Variant


@dataclass(frozen=True)
class Sample:
    """A frame that was run, and the thresholds it was run with."""

    frame: Frame
    conf: float
    iou: float


def other_meaning(new: Manifest, old: Manifest) -> str | None:
    """Why callers could not go on as before, None when they can: they know classes by number, frames by colour."""
    if new.input.color != old.input.color:
        return f"it reads frames as {new.input.color}, not {old.input.color}"
    if new.task.name != old.task.name or new.task.shape != old.task.shape:
        return f"its task is {new.task.name} {new.task.shape or ''}, not {old.task.name} {old.task.shape or ''}"
    for number, (now, before) in enumerate(zip(new.classes, old.classes, strict=False)):
        if now != before:
            return f"its class {number} is {now!r}, not {before!r}"
    return None


def objection(replacement: Variant, present: Variant, sample: Sample | None, bar: float) -> str | None:
    """Why the replacement, run aside, may not take over, None when it may; agreement is asked for with a sample."""
    told = _nonsense(replacement, present, sample or Sample(blank(replacement.manifest.input), 0.25, 0.45))
    if told is None and sample is not None:
        told = _disagreement(replacement, present, sample, bar)
    return told


def _nonsense(replacement: Variant, present: Variant, sample: Sample) -> str | None:
    """Numbers that are none never pass a threshold: who finds nothing at all, where others do, has computed them."""
    found = replacement.rehearse(sample.frame, 0.0, sample.iou)
    if not len(found) and len(present.run(sample.frame, 0.0, sample.iou)):
        return "it finds nothing at any threshold"
    return _not_detections(found, replacement.manifest)


def _not_detections(found: Any, manifest: Manifest) -> str | None:
    if isinstance(found, Classification):
        likely = found.probabilities
        return None if ((likely >= 0) & (likely <= 1)).all() else "its probabilities are not within 0 and 1"
    if not (np.isfinite(found.boxes).all() and np.isfinite(found.scores).all()):
        return "its boxes or scores are not finite"
    if ((found.scores < 0) | (found.scores > 1)).any():
        return "its scores are not within 0 and 1"
    if ((found.classes < 0) | (found.classes >= len(manifest.classes))).any():
        return f"it finds classes that are none of its {len(manifest.classes)}"
    return None


def _disagreement(replacement: Variant, present: Variant, sample: Sample, bar: float) -> str | None:
    found = replacement.rehearse(sample.frame, sample.conf, sample.iou)
    expected = present.run(sample.frame, sample.conf, sample.iou)
    share = agreement(found, expected)
    if share >= bar:
        return None
    counts = f"{len(found)} detections against {len(expected)}"
    return f"it agrees with what runs on {share:.0%} of the last frame's detections ({counts}), {bar:.0%} are asked for"
