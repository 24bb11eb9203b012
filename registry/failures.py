"""What goes wrong in databases and file systems, told as one line with a way out."""

from __future__ import annotations

import errno
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from zcc.runtime.distribution import how_to_install
from zcc.runtime.errors import Unavailable

_FREE_SPACE = "free some space (zcc gc frees what nothing refers to), or choose another disk with --registry"
_CHECK_MODE = "check its owner and mode, or choose another place with --registry"

RESTORE = "restore it from a backup, or run zcc reindex --anew, which makes a new one from the artifacts' folders"

_SYSTEM_REMEDIES = {
    errno.ENOSPC: _FREE_SPACE,
    errno.EDQUOT: _FREE_SPACE,
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EACCES: _CHECK_MODE,
    errno.EPERM: _CHECK_MODE,
    errno.EROFS: "choose a writable place with --registry",
    errno.ENOTDIR: "a file is in the way; choose another place with --registry",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.EIO: "check the disk",
}

# What SQLite says over a file whose bytes have changed.
DAMAGE = (
    *("not a database", "malformed", "Could not decode", "no such table", "no such column", "no such index"),
    *("unsupported file format", "constraint failed", "unrecognized token", "syntax error", "datatype mismatch"),
)

# Words of a database driver -> the way out. SQLite has no error numbers before Python 3.11.
_DATABASE_REMEDIES = {
    "disk is full": _FREE_SPACE,
    "disk I/O error": "check that the disk has space and that file sizes are not limited (ulimit -f)",
    "readonly database": _CHECK_MODE,
    "unable to open database file": _CHECK_MODE,
    "database is locked": "another process has been writing for long; try again",
    **dict.fromkeys(DAMAGE, RESTORE),
    "connection": "check that the server runs and that the URL is right",
    "authentication": "check the user and the password in the URL",
}


LONGEST_CAUSE = 300


@contextmanager
def reported(place: object) -> Iterator[None]:
    """Turn what the system or the database raises inside into one `Unavailable` that names `place`."""
    try:
        yield
    except OSError as error:
        cause = error.strerror or str(error)
        raise Unavailable(
            f"registry file {error.filename or place}: {cause}", _SYSTEM_REMEDIES.get(error.errno or 0, "")
        ) from error
    except _database_errors() as error:
        raise database_failure(place, error) from error


def _database_errors() -> tuple[type[Exception], ...]:
    """What databases and their drivers raise: SQLAlchemy's own errors, too, once it is there to raise any."""
    # The second from a driver over damaged text, the third over numbers beyond its own.
    errors: tuple[type[Exception], ...] = (sqlite3.Error, UnicodeDecodeError, OverflowError, ImportError)
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import SQLAlchemyError

        errors += (SQLAlchemyError,)
    return errors


def database_failure(place: object, error: Exception) -> Unavailable:
    """One line for an error of the database or of its driver."""
    if _lacks_driver(error):
        return Unavailable(
            f"registry {place}: no driver for this database is installed ({error})",
            f"install it; for PostgreSQL, {how_to_install('postgres')}",
        )
    own = _drivers_own(error)
    cause = str(own or error)
    if len(cause) > LONGEST_CAUSE:  # it may quote what was in the file
        cause = cause[:LONGEST_CAUSE] + "…"
    # What is no database's own error is about rows that are not as the tables were made.
    other = "" if own is not None else RESTORE
    remedy = next((way for words, way in _DATABASE_REMEDIES.items() if words in cause), other)
    return Unavailable(f"registry {place}: {cause}", remedy)


def _lacks_driver(error: Exception) -> bool:
    if isinstance(error, ImportError):
        return True
    if isinstance(error, sqlite3.Error) or "sqlalchemy" not in sys.modules:
        return False
    from sqlalchemy.exc import NoSuchModuleError

    return isinstance(error, NoSuchModuleError)


def _drivers_own(error: Exception) -> BaseException | None:
    """The error as the driver of the database raised it, None where it was none of its."""
    if isinstance(error, sqlite3.Error):
        return error
    return getattr(error, "orig", None)
