"""Migrations: old indexes open, and what was shipped once never changes.

`schemas/` holds the schema that each revision was shipped with. A revision that no longer makes it was
edited: undo that, and write a new one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.newest import make_newest
from zcc.registry.revision import REVISION, VERSION_TABLE
from zcc.registry.schema import metadata
from zcc.registry.upgrade import revisions, upgrade
from zcc.runtime.errors import RegistryError, Unavailable
from zcc.runtime.manifest import Measurement

SCHEMAS = Path(__file__).parent / "schemas"


@contextmanager
def _upgraded(revision: str) -> Iterator[Connection]:
    with create_engine("sqlite://").begin() as connection:
        upgrade(connection, revision)
        yield connection


def schema_at(revision: str) -> str:
    """The SQL of every table and index that a database of this revision has."""
    with _upgraded(revision) as connection:
        rows = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        return "".join(f"{' '.join(sql.split())};\n" for (sql,) in rows)


def _old_index(home: Path, revision: str) -> sqlite3.Connection:
    """An index as an older zcc left it, made from the schema that was shipped then."""
    home.mkdir()
    connection = sqlite3.connect(home / "index.sqlite")
    connection.executescript((SCHEMAS / f"{revision}.sql").read_text(encoding="utf-8"))
    connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES (?)", (revision,))
    connection.execute("INSERT INTO registry VALUES (?, ?)", ("0123456789abcdef" * 2, 7))
    connection.commit()
    return connection


def test_every_revision_has_its_shipped_schema() -> None:
    assert sorted(path.stem for path in SCHEMAS.iterdir()) == sorted(revisions())
    assert revisions()[0] == REVISION


@pytest.mark.parametrize("revision", sorted(path.stem for path in SCHEMAS.iterdir()))
def test_a_shipped_revision_never_changes(revision: str) -> None:
    assert schema_at(revision) == (SCHEMAS / f"{revision}.sql").read_text(encoding="utf-8")


def test_a_new_index_is_made_as_the_migrations_make_it(tmp_path: Path) -> None:
    make_newest(tmp_path / "index.sqlite", 1.0)
    new = sqlite3.connect(tmp_path / "index.sqlite")
    rows = new.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    assert "".join(f"{' '.join(sql.split())};\n" for (sql,) in rows) == schema_at(REVISION)
    with _upgraded("head") as connection:
        for table in metadata.tables:
            made, migrated = f"SELECT * FROM {table}", connection.exec_driver_sql(f"SELECT * FROM {table}").fetchall()
            assert len(new.execute(made).fetchall()) == len(migrated)
    [(identity, turn)] = new.execute("SELECT id, turn FROM registry")
    assert (len(identity), turn) == (32, 0)
    assert new.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() == [(REVISION,)]
    new.close()


def test_the_tables_in_the_code_are_those_of_the_last_migration() -> None:
    with _upgraded("head") as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("revision", revisions())
def test_an_old_index_opens_with_everything_in_it(home: Path, tmp_path: Path, revision: str) -> None:
    _, manifest = artifact(tmp_path / "a")
    row = (
        manifest.digest,
        7,
        manifest.name,
        manifest.dtype,
        manifest.target,
        manifest.fingerprint,
        manifest.to_json(),
        *([None] if revision >= "0003" else []),
    )
    old = _old_index(home, revision)
    old.execute("INSERT INTO artifacts VALUES (?, ?, ?, ?, ?, ?, ?%s)" % (", ?" * (len(row) - 7)), row)
    moved = "INSERT INTO tag_moves (id, name, tag, why, moved) VALUES (1, 'yolo', 'prod', 'tag', ?)"
    old.execute(moved, ("2026-01-01T00:00:00+00:00",))
    old.execute("INSERT INTO tag_members VALUES (1, ?)", (manifest.digest,))
    old.commit()
    old.close()
    registry = Registry.open(home)
    assert registry.resolve("yolo:prod").manifest == manifest
    registry.record_measurement(manifest.digest, Measurement("latency_ms", 1.5, "by hand"))
    assert registry.resolve("yolo:prod").figure("latency_ms") == 1.5
    assert registry.history("yolo", "prod")[0].moved.startswith("2026-01-01")
    registry.publish(*artifact(tmp_path / "b", seed=1), tags=["prod"])
    registry.rollback("yolo", "prod")


def test_an_index_of_a_newer_zcc_is_left_alone(home: Path) -> None:
    old = _old_index(home, REVISION)
    old.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    old.commit()
    with pytest.raises(RegistryError, match=r"schema 9999.*newer zcc"):
        Registry.open(home).artifacts()


def test_an_upgrade_that_fails_leaves_the_old_index(home: Path) -> None:
    old = _old_index(home, "0001")
    old.execute("CREATE TABLE measurements (something TEXT)")
    old.commit()
    with pytest.raises(Unavailable, match="already exists"):
        Registry.open(home).artifacts()
    assert old.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() == [("0001",)]
