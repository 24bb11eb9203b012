"""Two detectors on the same pictures: what the commands that compare have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zcc.commands.output import say
from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zcc.compiler.quality.comparison import Comparison
    from zcc.compiler.quality.drift import Drift
    from zcc.compiler.quality.evaluate import Detect
    from zcc.compiler.quality.standard import Standard
    from zcc.runtime import Detector
    from zcc.runtime.manifest import Manifest


def label(manifest: Manifest) -> str:
    """What tells an artifact from its siblings, for people."""
    return escaped(f"{manifest.name} {manifest.dtype} for {manifest.target}")


def as_measured(detector: Detector) -> Detect:
    """The detector as accuracy is measured."""
    from zcc.compiler.quality.evaluate import measured

    return measured(detector, detector.manifest.input.color)


def contrast(reference: Detector, candidate: Detector, data: Path) -> Comparison:
    """The candidate against the reference on the pictures, labelled or not."""
    from zcc.commands.progress import open_progress
    from zcc.compiler.quality.pictures import load_pictures
    from zcc.compiler.quality.standard import Standard

    _refuse_strangers(reference.manifest, candidate.manifest)
    pictures, progress = load_pictures(data, reference.manifest.classes, reference.manifest.task), open_progress()
    with progress.stage(f"{reference.manifest.dtype} on {pictures.count} pictures"):
        standard = Standard(as_measured(reference), pictures)
    warn_of_labels(standard)
    with progress.stage(f"{candidate.manifest.dtype} on {pictures.count} pictures"):
        return standard.compare(as_measured(candidate))


def warn_of_labels(standard: Standard) -> list[str]:
    """Tell on stderr what is odd about the labels, and return it."""
    warnings = [each for each in (standard.pictures.assumed, standard.doubt) if each is not None]
    for each in warnings:
        say(f"warning: {each}", err=True)
    return warnings


def _refuse_strangers(reference: Manifest, candidate: Manifest) -> None:
    from zcc.runtime.errors import UsageError

    if reference.digest == candidate.digest:
        raise UsageError(f"both are the same artifact, {label(reference)}", "choose two by dtype, tag or digest")
    if reference.classes != candidate.classes:
        raise UsageError(
            f"{label(reference)} and {label(candidate)} detect different classes "
            f"({', '.join(reference.classes[:3])}, … and {', '.join(candidate.classes[:3])}, …)",
            "compare detectors of the same classes",
        )


def truth(comparison: Comparison, reference: str) -> str:
    """What precision was measured against, for people."""
    pictures = comparison.pictures
    seen = f"{pictures.count} pictures of {pictures.place}"
    return (
        f"{seen}, against their labels" if comparison.labelled else f"{seen}, what {reference} finds taken for labels"
    )


def drift_lines(drift: Drift) -> Iterator[str]:
    """What became of the reference's detections, for people."""
    if drift.mean is not None and drift.p95 is not None:
        yield f"confidence drift: mean {drift.mean:.4f}, 95th percentile {drift.p95:.4f}"
    yield f"detections: {drift.matched} in both, {drift.lost} lost, {drift.gained} gained"
