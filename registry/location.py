"""Where a registry is: its index and the folder of its files.

./artifacts                                    a folder: index.sqlite and the files inside
sqlite:////srv/zcc/index.sqlite                the files lie beside the index
postgresql://user@host/zcc?files=/srv/zcc      any SQLAlchemy URL; `files` says where the files lie
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from zcc.runtime.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import URL

VARIABLE = "ZCC_REGISTRY"
DEFAULT = "artifacts"
INDEX = "index.sqlite"

# What a plain scheme means: the driver that zcc's extras install.
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


_FILE = "sqlite:///"  # and a path behind it


class Location(NamedTuple):
    """The index, as a file or as the URL of a server, and the folder of the files."""

    home: Path
    database: Path | None  # the index's file, when it is one
    server: Any = None  # SQLAlchemy's URL, when it is none

    def __str__(self) -> str:
        """The index as it may be shown: a path, or a URL without its password."""
        if self.server is not None:
            return str(self.server.render_as_string(hide_password=True))
        return str(self.database)


def artifact_folder(home: Path, digest: str) -> Path:
    """Where the folder of an artifact is, or would be."""
    return home / "artifacts" / digest.removeprefix("sha256:")


def locate(text: str | os.PathLike[str] | None = None) -> Location:
    """Where `text` says, or the environment variable ZCC_REGISTRY, or ./artifacts."""
    place = os.fspath(text) if text is not None else os.environ.get(VARIABLE) or DEFAULT
    return _from_url(place) if "://" in place else _from_folder(place)


def _from_folder(place: str) -> Location:
    home = Path(place).expanduser().absolute()
    if home.exists() and not home.is_dir():
        raise UsageError(
            f"registry {place} is a file", "name the folder it lies in, or write sqlite:/// before its path"
        )
    return Location(home, home / INDEX)


def _from_url(place: str) -> Location:
    if place.startswith(_FILE) and "?" not in place:
        database = _file(place[len(_FILE) :])
        return Location(database.parent, database)
    url = _parsed(place)
    files = url.query.get("files")
    home = Path(files).expanduser().absolute() if isinstance(files, str) and files else None
    if url.get_backend_name() == "sqlite":
        database = _file(url.database or "")
        return Location(home or database.parent, database)
    if home is None:
        raise UsageError(
            f"{url.render_as_string(hide_password=True)} does not say where the files lie",
            "add ?files=/folder to the URL",
        )
    return Location(home, None, url.difference_update_query(["files"]))


def _parsed(place: str) -> URL:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(place)
    except (ArgumentError, ValueError) as error:
        raise UsageError(
            "the registry URL cannot be read",
            "write it as dialect://user:password@host:port/database?files=/folder",
        ) from error
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def _file(path: str) -> Path:
    if path in ("", ":memory:"):
        raise UsageError(
            "a registry in memory is lost when the command ends", "name a file: sqlite:///path/index.sqlite"
        )
    return Path(path).expanduser().absolute()
