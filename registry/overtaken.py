"""Variants that nothing speaks for: a more accurate one of the same name and target is faster as well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from zcc.registry.artifact import Artifact
from zcc.runtime.losses import FULL, points_lost

LATENCY = "latency_ms"


def overtaken(artifacts: Iterable[Artifact]) -> list[str]:
    """A line for each artifact that is slower than a more accurate one of its kind, by the figures in the registry.

    The artifacts come with the last published first; of those in one dtype only that one counts.
    """
    kinds: defaultdict[tuple[str, str, str], dict[str, Artifact]] = defaultdict(dict)
    for artifact in artifacts:
        manifest = artifact.manifest
        kinds[manifest.name, manifest.target, manifest.model_sha256].setdefault(manifest.dtype, artifact)
    return [line for kind in kinds.values() for line in _overtaken_in(list(kind.values()))]


def _overtaken_in(kind: Sequence[Artifact]) -> Iterator[str]:
    lost = points_lost([artifact.candidate for artifact in kind])
    for slow, loss in zip(kind, lost, strict=True):
        faster = [
            other
            for other, less in zip(kind, lost, strict=True)
            if _is_more_accurate((other, less), (slow, loss)) and _is_faster(other, slow)
        ]
        if faster:
            yield _line(slow, min(faster, key=lambda other: other.figure(LATENCY) or 0.0))


def _is_more_accurate(one: tuple[Artifact, float | None], other: tuple[Artifact, float | None]) -> bool:
    """By the points they lose; where nobody measured those, full precision is more accurate than any other."""
    (better, less), (worse, loss) = one, other
    if less is None or loss is None:
        return better.manifest.dtype == FULL and worse.manifest.dtype != FULL
    return less < loss


def _is_faster(one: Artifact, other: Artifact) -> bool:
    """By their latest figures, which are compared where they were taken in the same way."""
    ours, theirs = (artifact.candidate.figures(LATENCY)[-1:] for artifact in (one, other))
    return bool(ours and theirs and ours[0].how == theirs[0].how and ours[0].value < theirs[0].value)


def _line(slow: Artifact, fast: Artifact) -> str:
    what = slow.manifest
    return (
        f"{what.name} {what.dtype} for {what.target} is slower than the more accurate {fast.manifest.dtype}: "
        f"{slow.figure(LATENCY):.1f} ms a frame against {fast.figure(LATENCY):.1f}; "
        f"use --dtype {fast.manifest.dtype} on machines like the one that measured this"
    )
