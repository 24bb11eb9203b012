"""What a manifest says that memory is taken for: no more than the largest detectors need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from typing import Any, NamedTuple

from zcc.runtime import limits
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.manifest import Manifest


class Claim(NamedTuple):
    """Numbers of a manifest, and the range that each of them has."""

    name: str
    numbers: Callable[[Manifest], Iterable[Any]]
    least: int
    most: int


CLAIMS = (
    Claim("an input side", lambda m: (m.input.height, m.input.width), 1, limits.INPUT_SIDE),
    Claim("candidates", lambda m: (m.head.candidates,), 1, limits.CANDIDATES),
    Claim("classes", lambda m: (m.head.classes, len(m.classes)), 1, limits.CLASSES),
    Claim("detections per frame", lambda m: (m.head.max_det,), 1, limits.DETECTIONS),
    Claim("axes of the output", lambda m: (len(m.head.shape),), 1, limits.OUTPUT_AXES),
    Claim("a side of the output", lambda m: m.head.shape, 1, limits.OUTPUT_NUMBERS),
    Claim("numbers of output", lambda m: (prod(m.head.shape),), 1, limits.OUTPUT_NUMBERS),
    Claim("files", lambda m: (len(m.files),), 1, limits.FILES),
    Claim("bytes of a file", lambda m: (entry.size for entry in m.files), 0, limits.FILE),
    Claim("bytes of files", lambda m: (sum(entry.size for entry in m.files),), 0, limits.ARTIFACT),
    Claim("bytes of working memory", lambda m: m.workspace.values(), 0, limits.WORKSPACE),
)


def check_claims(manifest: Manifest) -> None:
    """Refuse a manifest that claims more than any detector needs; nothing has been taken for it yet."""
    for claim in CLAIMS:
        for number in _numbers(claim, manifest):
            if type(number) is not int or not claim.least <= number <= claim.most:
                told = f"{number!r:.40} as {claim.name}, not {claim.least} to {claim.most}"
                raise CorruptArtifact(f"the manifest of {manifest.name!s:.60} claims {told}", "compile the model again")


def _numbers(claim: Claim, manifest: Manifest) -> Iterable[Any]:
    try:
        return tuple(claim.numbers(manifest))
    except (TypeError, AttributeError) as error:
        problem = f"the manifest of {manifest.name!s:.60} does not tell {claim.name} ({error})"
        raise CorruptArtifact(problem, "compile the model again") from error
