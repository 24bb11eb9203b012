"""The index: transactions over the database that knows the artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path

from zcc.registry import ownership
from zcc.registry.database import EMPTY, Database, File, Server, Transaction, can_write
from zcc.registry.failures import RESTORE, reported
from zcc.registry.location import Location
from zcc.registry.locks import exclusive
from zcc.registry.newest import make_newest
from zcc.registry.revision import REVISION, VERSION_TABLE
from zcc.runtime.errors import RegistryError, Unavailable, UsageError

LOCK_SECONDS = 60  # that somebody else may hold SQLite's lock; a write holds it for milliseconds

_MAGIC = b"SQLite format 3\0"
_HEADER = 100


class Index:
    """Reading and writing transactions; an index that is not there reads as empty, and a write makes it."""

    def __init__(self, location: Location, patience: float = LOCK_SECONDS) -> None:
        self.location = location
        self._patience = patience
        self._current = False

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A transaction that sees one moment of the index."""
        with reported(self.location):
            if self._ready() or self._refuse_when_lost():
                with self._database.transaction() as seen:
                    yield seen
            else:
                yield EMPTY

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction alone among writers; all of it happens, or nothing."""
        with reported(self.location):
            self.prepare()
            with self._database.transaction() as changed:
                # First a write, then reads: so no database has to turn a reader into a writer.
                changed.do("UPDATE registry SET turn = turn + 1")
                yield changed

    def prepare(self) -> None:
        """Make the index if it is not there and never was; an error if it cannot be written."""
        with reported(self.location):
            if not self._ready():
                self._refuse_when_lost()
        self.make()

    def make(self) -> None:
        """Make the index if it is not there, even where one was lost; an error if it cannot be written."""
        with reported(self.location):
            if not self._writable:
                raise Unavailable(f"registry {self.location} is read-only", "choose another with --registry")
            if not self._ready():
                self._upgrade()

    @property
    def exists(self) -> bool:
        """Whether there is an index, be it damaged."""
        database = self.location.database
        return self._ready() if database is None else database.exists()

    def put_aside(self) -> Path:
        """Give the index's file another name, under which nothing looks for it, and say which."""
        database = self.location.database
        if database is None:
            raise UsageError(f"{self.location} is no file that could be put aside", "restore the database")
        with reported(self.location), exclusive(self.location.home / "locks" / "index.lock"):
            aside = next(path for path in _asides(database) if not path.exists())
            for suffix in ("-journal", ""):
                path = database.with_name(database.name + suffix)
                if path.exists():
                    path.rename(aside.with_name(aside.name + suffix))
        self._current = False
        return aside

    def _refuse_when_lost(self) -> bool:
        if ownership.claimed(self.location.home):
            raise Unavailable(
                f"the index {self.location} is gone, but {self.location.home} holds the files of one",
                "restore it from a backup, or run zcc reindex, which makes a new one from the artifacts' folders",
            )
        return False

    def identity(self) -> str | None:
        """What tells this index from every other; None as long as it does not exist."""
        with self.reading() as seen:
            found: str | None = seen.value("SELECT id FROM registry")
            return found

    def revision(self) -> tuple[str, int] | None:
        """The identity, and a number that every write raises; None as long as the index does not exist."""
        with self.reading() as seen:
            found = seen.rows("SELECT id, turn FROM registry")
        return (found[0][0], found[0][1]) if found else None

    @cached_property
    def _server(self) -> Server:
        return Server(self.location.server)

    @property
    def _database(self) -> Database:
        path = self.location.database
        return self._server if path is None else File(path, self._writable, self._patience)

    @property
    def _writable(self) -> bool:
        """Whether the index can be written, as far as the file system tells."""
        return self.location.database is None or can_write(self.location.database)

    def _ready(self) -> bool:
        """Whether the index exists; one of an older zcc is upgraded on the way."""
        if self._current:
            return True
        found = self._revision()
        if found is None:
            return False
        if found != REVISION:
            self._upgrade_from(found)
        self._current = True
        return True

    def _revision(self) -> str | None:
        path = self.location.database
        if path is not None and not _begun(path):
            return None
        tables = self._database.tables()
        if not tables:
            return None
        if VERSION_TABLE not in tables:
            raise RegistryError(
                f"{self.location} is a database of something else (no table {VERSION_TABLE})",
                "give the registry a database of its own",
            )
        with self._database.transaction() as seen:
            return str(seen.value(f"SELECT version_num FROM {VERSION_TABLE}"))

    def _upgrade_from(self, found: str) -> None:
        from zcc.registry.upgrade import revisions

        if found not in revisions():
            raise RegistryError(
                f"registry {self.location} has schema {found}, this zcc knows up to {REVISION}",
                "use the newer zcc that made it",
            )
        if not self._writable:
            raise Unavailable(
                f"registry {self.location} has the old schema {found} and is read-only",
                "open it once where it can be written",
            )
        self._upgrade()

    def _upgrade(self) -> None:
        path = self.location.database
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self.location.home / "locks" / "index.lock"):
            if path is not None and self._revision() is None:
                make_newest(path, self._patience)
            else:
                self._migrate(path)
        self._current = True

    def _migrate(self, path: Path | None) -> None:
        from zcc.registry.upgrade import engine_of, upgrade

        engine = self._server.engine if path is None else engine_of(path, self._patience)
        with engine.begin() as connection:
            upgrade(connection)


def _asides(database: Path) -> Iterator[Path]:
    return (database.with_name(f"{database.name}.damaged{number or ''}") for number in count())


def _begun(database: Path) -> bool:
    """Whether there is an SQLite file; what SQLite would take for empty, and overwrite, is an error."""
    if database.exists() and not database.is_file():
        raise Unavailable(f"registry {database}: it is no file", "choose another place with --registry")
    if not database.exists() or not (size := database.stat().st_size):
        return False
    with database.open("rb") as file:
        header = file.read(_HEADER)
    # The page size stands at byte 16, with 1 for 65536. A journal tells that a killed write will be undone.
    page = int.from_bytes(header[16:18], "big") or 1
    sound = header.startswith(_MAGIC) and size >= (page if page > 1 else 1 << 16)
    if not sound and not database.with_name(f"{database.name}-journal").exists():
        raise Unavailable(
            f"registry {database}: file is not a database",
            RESTORE,
        )
    return True
