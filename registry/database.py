"""SQL in transactions, over the two kinds of databases that an index lies in.

An SQLite file is opened through Python's own driver, so that a registry is read where nothing else is installed and at
once; every other database through SQLAlchemy. SQL is written so that both understand it, values as `:name`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    from sqlalchemy import Engine

Row = tuple[Any, ...]

_AT_ONCE = 500  # values in one list: databases bound how many a statement may have


class Transaction:
    """Statements that see one moment of a database, and that happen together or not at all."""

    def __init__(self, execute: Callable[[str, dict[str, Any]], Sequence[Row]], in_file: bool) -> None:
        self._execute = execute
        self.in_file = in_file  # whether it is SQLite's

    def rows(self, sql: str, **values: Any) -> Sequence[Row]:
        """What a query finds."""
        return self._execute(sql, values)

    def rows_in(self, sql: str, among: Sequence[str], **values: Any) -> list[Row]:
        """What a query finds whose `:among` stands for a list of values."""
        found: list[Row] = []
        for start in range(0, len(among), _AT_ONCE):
            part = {f"among{place}": value for place, value in enumerate(among[start : start + _AT_ONCE])}
            found += self._execute(sql.replace(":among", ", ".join(f":{name}" for name in part)), {**values, **part})
        return found

    def column(self, sql: str, **values: Any) -> list[Any]:
        """The first value of each row."""
        return [row[0] for row in self.rows(sql, **values)]

    def value(self, sql: str, **values: Any) -> Any:
        """The first value of the first row, None where there is no row."""
        return next((row[0] for row in self.rows(sql, **values)), None)

    def do(self, sql: str, **values: Any) -> None:
        """Change something."""
        self._execute(sql, values)

    def insert(self, table: str, **values: Any) -> None:
        """Add a row."""
        places = ", ".join(f":{name}" for name in values)
        self.do(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", **values)


# Where there is no index yet, every query finds nothing.
EMPTY = Transaction(lambda sql, values: (), in_file=False)


class Database(Protocol):
    """Where an index lies."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A context whose value is a Transaction; what is raised inside undoes it."""
        ...

    def tables(self) -> frozenset[str]:
        """The names of its tables."""
        ...


class File:
    """An SQLite file. It keeps its rollback journal rather than a write-ahead log: the index stays one file, it can be
    read from a read-only disk, and writers are few.
    """

    def __init__(self, path: Path, writable: bool, patience: float) -> None:
        self._url = f"file:{quote(str(path))}?mode={'rwc' if writable else 'ro'}"
        self._patience = patience

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One transaction on a connection of its own."""
        connection = sqlite3.connect(self._url, uri=True, timeout=self._patience, isolation_level=None)
        try:
            for pragma in PRAGMAS:
                connection.execute(pragma)
            connection.execute("BEGIN")
            yield Transaction(lambda sql, values: connection.execute(sql, values).fetchall(), in_file=True)
            connection.execute("COMMIT")
        finally:
            connection.close()  # undoes what was not committed

    def tables(self) -> frozenset[str]:
        """The names of its tables."""
        with self.transaction() as seen:
            return frozenset(seen.column("SELECT name FROM sqlite_master WHERE type = 'table'"))


PRAGMAS = ("PRAGMA foreign_keys = ON", "PRAGMA synchronous = EXTRA")


class Server:
    """Any other database that SQLAlchemy has a driver for."""

    def __init__(self, url: Any) -> None:
        self._url = url
        self._made: Engine | None = None

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's way to it."""
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        if self._made is None:
            self._made = create_engine(self._url, poolclass=NullPool)
        return self._made

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One transaction on a connection of its own."""
        from sqlalchemy import text

        with self.engine.begin() as connection:

            def execute(sql: str, values: dict[str, Any]) -> Sequence[Row]:
                done = connection.execute(text(sql), values)
                return [tuple(row) for row in done] if done.returns_rows else ()

            yield Transaction(execute, in_file=False)

    def tables(self) -> frozenset[str]:
        """The names of its tables."""
        from sqlalchemy import inspect

        with self.engine.begin() as connection:
            return frozenset(inspect(connection).get_table_names())


def can_write(path: Path) -> bool:
    """Whether an SQLite file can be written or made, as far as the file system tells."""
    if path.exists():
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return os.access(next(parent for parent in path.parents if parent.exists()), os.W_OK)
