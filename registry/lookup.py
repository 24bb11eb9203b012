"""The variants of a name, read from an SQLite index with little to import: a device loads its detector by name at once.

What a name means is said in one place (`tables.LAST`). Whatever takes more than two queries, and every error, is left
to `Reading`, which takes five times as long to import.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict

from zcc.registry.database import File, Transaction
from zcc.registry.location import Location, artifact_folder
from zcc.registry.revision import REVISION, VERSION_TABLE
from zcc.registry.rows import read_artifact, read_figure
from zcc.registry.tables import LAST, LAST_FIRST, every, named, select
from zcc.runtime.errors import ZccError
from zcc.runtime.manifest import FILENAME, Manifest, Measurement
from zcc.runtime.source import Candidate
from zcc.runtime.trust.beside import read_beside


def find_by_name(location: Location, name: str) -> list[Candidate] | None:
    """The last published of each variant; None where that is not told at once, be it that something is wrong."""
    # What is no file would be waited for for ever, or read without end.
    if location.database is None or not location.database.is_file():
        return None
    try:
        with File(location.database, writable=False, patience=0).transaction() as seen:
            if seen.column(f"SELECT version_num FROM {VERSION_TABLE}") != [REVISION]:
                return None
            found = _read(seen, location, name)
    except (sqlite3.Error, ValueError, OSError, ZccError):
        return None  # whoever loads the artifact reports what is wrong with it
    return found if found and all((each.folder / FILENAME).is_file() for each in found) else None


def _read(seen: Transaction, location: Location, name: str) -> list[Candidate]:
    rows = every(seen, "artifacts", f"WHERE {LAST} {LAST_FIRST}", name=name)
    figures: defaultdict[str, list[tuple[Measurement, bool]]] = defaultdict(list)
    wanted = select("measurements", "WHERE digest IN (:among) ORDER BY id")
    for row in named("measurements", seen.rows_in(wanted, [each["digest"] for each in rows])):
        figures[row["digest"]].append((read_figure(row), row["origin"] is None))
    newest: dict[tuple[str, str], Candidate] = {}
    for row in rows:
        manifest, digest = read_artifact(row), row["digest"]
        found = _candidate(location, digest, manifest, row["origin"] is not None, figures[digest])
        newest.setdefault((manifest.dtype, manifest.target), found)
    return list(newest.values())


def _candidate(
    location: Location, digest: str, manifest: Manifest, foreign: bool, figures: list[tuple[Measurement, bool]]
) -> Candidate:
    folder = artifact_folder(location.home, digest)
    measured, claimed = (tuple(figure for figure, here in figures if here == where) for where in (True, False))
    return Candidate(manifest, folder, measured, claimed, foreign, read_beside(folder))
