"""Rows of the index as they must be: what a damaged or foreign one holds goes no further than here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NoReturn

from zcc.runtime.errors import ArtifactError, CorruptArtifact
from zcc.runtime.manifest import Manifest, Measurement
from zcc.runtime.manifest_rules import check_figure
from zcc.runtime.naming import NAME
from zcc.runtime.rules import Breach, brief, integer, list_of, maybe, one_of, record, text

REMEDY = "restore the index from a backup, or run zcc reindex"

IMPORTED, FOUND = "import", "reindex"  # origins; what was built here has none
LISTED = ("name", "dtype", "target", "created", "model_sha256")  # and in lists
REPEATED = ("name", "dtype", "target", "fingerprint")  # of the manifest, for queries

WHO, MESSAGE = 128, 4000  # characters

_DIGEST = text(71, 71, r"sha256:[0-9a-f]{64}")
_COUNT = integer(0, 1 << 62)
_ORIGIN = maybe(one_of(IMPORTED, FOUND))
_MOMENT = text(32, 1)
_WORD = text(128, 1, NAME)
_ARTIFACT = record({"digest": _DIGEST, "turn": _COUNT, "origin": _ORIGIN})
_MOVE = record(
    {
        **{"id": _COUNT, "previous": maybe(_COUNT), "moved": _MOMENT, "name": _WORD, "tag": _WORD},
        **{"who": maybe(text(WHO, 1)), "message": maybe(text(MESSAGE))},
        "why": one_of("tag", "untag", "rollback", "rm"),
        "digests": list_of(_DIGEST, 10_000),
    }
)
_FIGURE = record({"measured": _MOMENT, "origin": _ORIGIN})
_REMOVED = record({"digest": _DIGEST, "moved": _MOMENT})


def read_artifact(row: Mapping[str, Any]) -> Manifest:
    """The manifest of a row of artifacts, when the whole row is what publishing would write."""
    try:
        _ARTIFACT({name: row[name] for name in ("digest", "turn", "origin")}, "")
        manifest = manifest_of(row["digest"], row["manifest"])
        for name in REPEATED:
            if row[name] != getattr(manifest, name):
                raise Breach(f"{name}: {brief(row[name])} is not what the manifest says")
    except Breach as breach:
        _refuse(row["digest"], breach)
    except ArtifactError as error:
        raise type(error)(error.problem, REMEDY) from error
    return manifest


def manifest_of(digest: str, stored: Any) -> Manifest:
    """The manifest in what is stored, which must be the one that the digest was taken over."""
    if not isinstance(stored, str) or digest != "sha256:" + hashlib.sha256(stored.encode()).hexdigest():
        raise CorruptArtifact(f"the index holds a changed manifest for {digest[:19]}", REMEDY)
    return Manifest.from_json(stored, f"the manifest of {digest[:19]}")


def check_listed(digest: str, stored: Any, shown_as: Mapping[str, Any]) -> None:
    """Refuse a manifest that has changed, or that a list would show as another than it is.

    It was held against every rule before its digest was taken, so that is not done again.
    """
    if not isinstance(stored, str) or digest != "sha256:" + hashlib.sha256(stored.encode()).hexdigest():
        raise CorruptArtifact(f"the index holds a changed manifest for {digest[:19]}", REMEDY)
    parts = (f'"{name}":{_in_json(shown_as[name])}' for name in LISTED)
    if all(part in stored for part in parts):
        return  # canonical JSON, as zcc writes it: reading it would take thirty times as long
    raw = json.loads(stored)
    for name in LISTED:
        if shown_as[name] != raw[name]:
            problem = (
                f"the index says {brief(shown_as[name])} for {name} of {digest[:19]}, its manifest {brief(raw[name])}"
            )
            raise CorruptArtifact(problem, REMEDY)


_in_json = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes an encoder each time


def check_move(values: dict[str, Any]) -> None:
    """Refuse a move of a tag that no move could have left."""
    try:
        _MOVE(values, "")
    except Breach as breach:
        raise CorruptArtifact(f"the index holds a damaged move of a tag ({breach})", REMEDY) from breach


def read_figure(row: Mapping[str, Any]) -> Measurement:
    """The figure in a row of measurements."""
    try:
        check_figure({name: row[name] for name in ("metric", "value", "how")}, "figure")
        _FIGURE({name: row[name] for name in ("measured", "origin")}, "")
    except Breach as breach:
        _refuse(row["digest"], breach)
    return Measurement(row["metric"], row["value"], row["how"])


def check_removal(row: Mapping[str, Any]) -> None:
    """Refuse what no removal could have left: what it names will be deleted."""
    try:
        _REMOVED(dict(row), "")
    except Breach as breach:
        _refuse(row["digest"], breach)


def _refuse(digest: Any, breach: Breach) -> NoReturn:
    raise CorruptArtifact(f"the index holds a damaged row for {brief(digest)} ({breach})", REMEDY) from breach
