"""Whether an index can be believed, before anything is deleted on its word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from zcc.registry import rows, tags
from zcc.registry.database import Transaction
from zcc.registry.rows import REMEDY
from zcc.registry.summaries import summary_of
from zcc.registry.tables import every
from zcc.runtime.errors import CorruptArtifact, ZccError
from zcc.runtime.rules import brief

MOST_LINES = 20  # of what the database finds wrong with its file


def index_problems(seen: Transaction) -> Iterator[tuple[str, str]]:
    """What is wrong with the index, and the digest of the artifact it is about, where it is about one."""
    if seen.in_file:
        yield from (("", what) for what in _file_problems(seen))
    yield from (("", what) for what in _identity_problems(seen))
    summaries = {row["digest"]: row for row in every(seen, "summaries")}
    for row in every(seen, "artifacts"):
        yield from _findings(row["digest"], lambda row: check_artifact(row, summaries.get(row["digest"])), row)
    for table, check in _CHECKS:
        for row in every(seen, table):
            yield from _findings(row["digest"], check, row)
    yield from _findings("", tags.check_all, seen)
    live = set(seen.column("SELECT digest FROM artifacts"))
    for digest in sorted(live & set(seen.column("SELECT digest FROM removed")), key=str):
        yield brief(digest) if not isinstance(digest, str) else digest, "it is published and removed at once"


def check_artifact(row: Mapping[str, Any], summary: Mapping[str, Any] | None) -> None:
    """Refuse what lists would show otherwise than it is."""
    manifest = rows.read_artifact(row)
    if summary is None or {**summary_of(manifest), "digest": manifest.digest} != summary:
        raise CorruptArtifact(f"the index holds another summary of {manifest.digest[:19]} than its manifest", REMEDY)


_CHECKS: tuple[tuple[str, Callable[[Any], object]], ...] = (
    ("measurements", rows.read_figure),
    ("removed", rows.check_removal),
)


def _identity_problems(seen: Transaction) -> Iterator[str]:
    found = seen.rows("SELECT id, turn FROM registry")
    fits = [row for row in found if isinstance(row[0], str) and type(row[1]) is int]
    needed = seen.rows("SELECT digest FROM artifacts LIMIT 1")
    if len(fits) < len(found) or len(found) > 1 or (needed and not found):
        yield "it does not say which registry it is of"


def _file_problems(seen: Transaction) -> Iterator[str]:
    found = seen.column(f"PRAGMA integrity_check({MOST_LINES})")
    yield from (" ".join(line.split()) for line in found if line != "ok")
    for table, row, parent, _ in seen.rows("PRAGMA foreign_key_check")[:MOST_LINES]:
        yield f"row {row} of {table} refers to a row of {parent} that is not there"


def _findings(digest: Any, check: Callable[[Any], object], subject: Any) -> Iterator[tuple[str, str]]:
    try:
        check(subject)
    except ZccError as error:
        yield digest if isinstance(digest, str) else brief(digest), error.problem
