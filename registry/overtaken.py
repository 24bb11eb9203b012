"""Variants that nothing speaks for: a more accurate one of the same name and target is faster as well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from zcc.registry.artifact import Artifact
from zcc.runtime.losses import FULL, points_lost
from zcc.runtime.manifest import Measurement


def overtaken(artifacts: Iterable[Artifact]) -> list[str]:
    """A line for each artifact that is slower than a more accurate one of its kind, by what was measured here.

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
        mine = _taken(slow)
        if mine is None:
            continue
        better = [
            (other, figure)
            for other, less in zip(kind, lost, strict=True)
            if (figure := _taken(other)) and figure.how == mine.how and figure.value < mine.value
            if _is_more_accurate((other, less), (slow, loss))
        ]
        for other, figure in sorted(better, key=lambda pair: pair[1].value)[:1]:
            yield _line(slow, mine.value, other.manifest.dtype, figure.value)


def _taken(artifact: Artifact) -> Measurement | None:
    """What a frame took on this machine the last time."""
    return next(reversed(artifact.candidate.figures("latency_ms", here=True)), None)


def _is_more_accurate(one: tuple[Artifact, float | None], other: tuple[Artifact, float | None]) -> bool:
    """By the points they lose; where nobody measured those, full precision is more accurate than any other."""
    (better, less), (worse, loss) = one, other
    if less is None or loss is None:
        return better.manifest.dtype == FULL and worse.manifest.dtype != FULL
    return less < loss


def _line(slow: Artifact, taken: float, fast: str, least: float) -> str:
    what = slow.manifest
    return (
        f"{what.name} {what.dtype} for {what.target} is slower than the more accurate {fast}: "
        f"{taken:.1f} ms a frame against {least:.1f} on this machine; use --dtype {fast} here"
    )
