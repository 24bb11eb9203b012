"""Whether an index can be believed, before anything is deleted on its word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, select

from zcc.registry import rows, tags
from zcc.registry.schema import artifacts, measurements, registry, removed
from zcc.runtime.errors import ZccError
from zcc.runtime.rules import brief

MOST_LINES = 20  # of what the database finds wrong with its file


def index_problems(connection: Connection) -> Iterator[tuple[str, str]]:
    """What is wrong with the index, and the digest of the artifact it is about, where it is about one."""
    if connection.dialect.name == "sqlite":
        yield from (("", what) for what in _file_problems(connection))
    yield from (("", what) for what in _identity_problems(connection))
    for row in connection.execute(select(artifacts)):
        yield from _findings(row.digest, rows.read_artifact, row)
    for row in connection.execute(select(measurements)):
        yield from _findings(row.digest, rows.read_figure, row)
    for row in connection.execute(select(removed)):
        yield from _findings(row.digest, rows.check_removal, row)
    yield from _findings("", tags.check_all, connection)
    live = set(connection.scalars(select(artifacts.c.digest)))
    for digest in sorted(live & set(connection.scalars(select(removed.c.digest))), key=str):
        yield brief(digest) if not isinstance(digest, str) else digest, "it is published and removed at once"


def _identity_problems(connection: Connection) -> Iterator[str]:
    found = connection.execute(select(registry)).all()
    fits = [row for row in found if isinstance(row.id, str) and type(row.turn) is int]
    needed = connection.scalar(select(artifacts.c.digest).limit(1)) is not None
    if len(fits) < len(found) or len(found) > 1 or (needed and not found):
        yield "it does not say which registry it is of"


def _file_problems(connection: Connection) -> Iterator[str]:
    found = connection.exec_driver_sql(f"PRAGMA integrity_check({MOST_LINES})").scalars()
    yield from (" ".join(line.split()) for line in found if line != "ok")
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(MOST_LINES):
        yield f"row {row} of {table} refers to a row of {parent} that is not there"


def _findings(digest: Any, check: Callable[[Any], object], subject: Any) -> Iterator[tuple[str, str]]:
    try:
        check(subject)
    except ZccError as error:
        yield digest if isinstance(digest, str) else brief(digest), error.problem
