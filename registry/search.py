"""From a reference to the artifacts it means, or to an error that says what there is instead."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

from zcc.registry import tags
from zcc.registry.artifact import Artifact
from zcc.registry.catalogue import Catalogue
from zcc.registry.gates import judged
from zcc.registry.reference import Reference, is_prefix
from zcc.registry.tables import LAST
from zcc.runtime.errors import Ambiguous, NotFound
from zcc.runtime.manifest_rules import FILENAME

SHOWN = 5  # candidates that an error lists


def find(catalogue: Catalogue, text: str, dtype: str | None = None, target: str | None = None) -> list[Artifact]:
    """Every artifact the reference means, at least one, at most one of each dtype and target.

    A name means the last published of each variant; a tag, what it holds; a digest, one artifact.
    """
    reference = Reference.parse(text)
    found = _meant(catalogue, reference, LAST)
    return fitting(text, _last_of_each(found) if reference.bare else found, dtype, target)


def every(catalogue: Catalogue, text: str, dtype: str | None = None, target: str | None = None) -> list[Artifact]:
    """As `find`, but a name means everything ever published under it."""
    return fitting(text, _meant(catalogue, Reference.parse(text)), dtype, target)


def only(text: str, found: Sequence[Artifact]) -> Artifact:
    """The one artifact found, or an error that lists the candidates."""
    if len(found) > 1:
        raise Ambiguous(
            f"{text} could be {len(found)} artifacts: {enumerated(found)}",
            "add --dtype or --target, or name one by its digest",
        )
    return found[0]


def enumerated(found: Sequence[Artifact]) -> str:
    """Artifacts in one line."""
    labels = ", ".join(artifact.label for artifact in found[:SHOWN])
    return labels + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")


def fitting(text: str, found: Sequence[Artifact], dtype: str | None, target: str | None) -> list[Artifact]:
    """Those of the dtype and the target, at least one."""
    fit = [
        artifact
        for artifact in found
        if dtype in (None, artifact.manifest.dtype) and target in (None, artifact.manifest.target)
    ]
    if not fit:
        wanted = " for ".join(word for word in (dtype, target) if word)
        raise NotFound(f"{text} has no variant {wanted}", f"there is {enumerated(found)}")
    return fit


def _meant(catalogue: Catalogue, reference: Reference, of_name: str = "name = :name") -> list[Artifact]:
    if reference.prefix:
        return _by_digest(catalogue, reference, reference.prefix)
    if reference.tag:
        return _by_tag(catalogue, reference, reference.tag)
    found = catalogue.select(of_name, name=reference.name)
    if found:
        return found
    if is_prefix(reference.text):
        return _by_digest(catalogue, Reference(reference.text), reference.text)
    raise _nothing(catalogue, reference)


def _by_digest(catalogue: Catalogue, reference: Reference, prefix: str) -> list[Artifact]:
    found = catalogue.select("digest LIKE :digest", digest=f"sha256:{prefix}%")  # hex digits alone
    found = [artifact for artifact in found if reference.name in (None, artifact.manifest.name)]
    if not found:
        raise _nothing(catalogue, reference)
    return [only(reference.text, found)]


def _by_tag(catalogue: Catalogue, reference: Reference, tag: str) -> list[Artifact]:
    held = tags.standing(catalogue.transaction, "name = :name AND tag = :tag", name=reference.name, tag=tag)
    found = catalogue.among(held[0].digests) if held else []
    if not found:
        raise _nothing(catalogue, reference)
    return judged(catalogue.transaction, found[0].manifest.name, tag, found)


def _last_of_each(found: Sequence[Artifact]) -> list[Artifact]:
    """Of artifacts with the last published first, the first of each dtype and target."""
    newest: dict[tuple[str, str], Artifact] = {}
    for artifact in found:
        newest.setdefault((artifact.manifest.dtype, artifact.manifest.target), artifact)
    return list(newest.values())


def _nothing(catalogue: Catalogue, reference: Reference) -> NotFound:
    told = set(catalogue.transaction.column("SELECT DISTINCT name FROM artifacts"))
    names = sorted(name for name in told if isinstance(name, str))  # a damaged row may hold anything
    moves = tags.standing(catalogue.transaction, "name = :name", name=reference.name)
    known_tags = sorted(move.tag for move in moves)
    if (Path(reference.text) / FILENAME).is_file():
        remedy = f"for the folder of that name here, write .{os.sep}{reference.text}"
    elif not names:
        remedy = "the registry is empty; zcc compile MODEL.onnx fills it"
    elif reference.tag and known_tags:
        remedy = f"{reference.name} has the tags {', '.join(known_tags)}"
    elif reference.tag and reference.name in names:
        remedy = f"{reference.name} has no tags; zcc tag {reference.name} {reference.tag} sets it"
    elif close := difflib.get_close_matches(reference.name or "", names, n=1):
        remedy = f"did you mean {close[0]}?"
    else:
        remedy = "zcc list shows what there is"
    return NotFound(f"nothing in the registry answers to {reference.text!r}", remedy)
