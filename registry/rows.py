"""Rows of the index as they must be: what a damaged or foreign one holds goes no further than here."""

from __future__ import annotations

import hashlib
from typing import Any, NoReturn

from zcc.runtime.errors import ArtifactError, CorruptArtifact
from zcc.runtime.manifest import Manifest, Measurement
from zcc.runtime.manifest_rules import check_figure
from zcc.runtime.naming import NAME
from zcc.runtime.rules import Breach, brief, integer, list_of, maybe, one_of, record, text

REMEDY = "restore the index from a backup, or run zcc reindex"

IMPORTED, FOUND = "import", "reindex"  # origins; what was built here has none
REPEATED = ("name", "dtype", "target", "fingerprint")  # of the manifest, for queries

_DIGEST = text(71, 71, r"sha256:[0-9a-f]{64}")
_COUNT = integer(0, 1 << 62)
_ORIGIN = maybe(one_of(IMPORTED, FOUND))
_MOMENT = text(32, 1)
_WORD = text(128, 1, NAME)
_ARTIFACT = record({"digest": _DIGEST, "turn": _COUNT, "origin": _ORIGIN})
_MOVE = record(
    {
        **{"id": _COUNT, "previous": maybe(_COUNT), "moved": _MOMENT, "name": _WORD, "tag": _WORD},
        "why": one_of("tag", "untag", "rollback", "rm"),
        "digests": list_of(_DIGEST, 10_000),
    }
)
_FIGURE = record({"measured": _MOMENT, "origin": _ORIGIN})
_REMOVED = record({"digest": _DIGEST, "moved": _MOMENT})


def read_artifact(row: Any) -> Manifest:
    """The manifest of a row of artifacts, when the whole row is what publishing would write."""
    values = dict(row._mapping)
    try:
        _ARTIFACT({name: values[name] for name in ("digest", "turn", "origin")}, "")
        manifest = manifest_of(values["digest"], values["manifest"])
        for name in REPEATED:
            if values[name] != getattr(manifest, name):
                raise Breach(f"{name}: {brief(values[name])} is not what the manifest says")
    except Breach as breach:
        _refuse(values["digest"], breach)
    except ArtifactError as error:
        raise type(error)(error.problem, REMEDY) from error
    return manifest


def manifest_of(digest: str, stored: Any) -> Manifest:
    """The manifest in what is stored, which must be the one that the digest was taken over."""
    if not isinstance(stored, str) or digest != "sha256:" + hashlib.sha256(stored.encode()).hexdigest():
        raise CorruptArtifact(f"the index holds a changed manifest for {digest[:19]}", REMEDY)
    return Manifest.from_json(stored, f"the manifest of {digest[:19]}")


def check_move(values: dict[str, Any]) -> None:
    """Refuse a move of a tag that no move could have left."""
    try:
        _MOVE(values, "")
    except Breach as breach:
        raise CorruptArtifact(f"the index holds a damaged move of a tag ({breach})", REMEDY) from breach


def read_figure(row: Any) -> Measurement:
    """The figure in a row of measurements."""
    try:
        check_figure({"metric": row.metric, "value": row.value, "how": row.how}, "figure")
        _FIGURE({"measured": row.measured, "origin": row.origin}, "")
    except Breach as breach:
        _refuse(row.digest, breach)
    return Measurement(row.metric, row.value, row.how)


def check_removal(row: Any) -> None:
    """Refuse what no removal could have left: what it names will be deleted."""
    try:
        _REMOVED(dict(row._mapping), "")
    except Breach as breach:
        _refuse(row.digest, breach)


def _refuse(digest: Any, breach: Breach) -> NoReturn:
    raise CorruptArtifact(f"the index holds a damaged row for {brief(digest)} ({breach})", REMEDY) from breach
