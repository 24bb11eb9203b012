"""Where a registry is: its index and the folder of its files.

./artifacts                                    a folder: index.sqlite and the files inside
sqlite:////srv/zcc/index.sqlite                the files lie beside the index
postgresql://user@host/zcc?files=/srv/zcc      any SQLAlchemy URL; `files` says where the files lie
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from zcc.runtime.errors import UsageError

VARIABLE = "ZCC_REGISTRY"
DEFAULT = "artifacts"
INDEX = "index.sqlite"

# What a plain scheme means: the driver that zcc's extras install.
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


@dataclass(frozen=True)
class Location:
    """The index's URL and the folder of the files."""

    url: URL
    home: Path

    @property
    def database(self) -> Path | None:
        """The index's file, when it is one."""
        return Path(self.url.database or "") if self.url.get_backend_name() == "sqlite" else None

    def __str__(self) -> str:
        """The index as it may be shown: a path, or a URL without its password."""
        return str(self.database or self.url.render_as_string(hide_password=True))


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
    return Location(URL.create("sqlite", database=str(home / INDEX)), home)


def _from_url(place: str) -> Location:
    try:
        url = make_url(place)
    except (ArgumentError, ValueError) as error:
        raise UsageError(
            "the registry URL cannot be read",
            "write it as dialect://user:password@host:port/database?files=/folder",
        ) from error
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if url.get_backend_name() == "sqlite":
        url = url.set(database=str(_database(url)))
    return Location(url.difference_update_query(["files"]), _files(url))


def _database(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise UsageError(
            "a registry in memory is lost when the command ends", "name a file: sqlite:///path/index.sqlite"
        )
    return Path(url.database).expanduser().absolute()


def _files(url: URL) -> Path:
    folder = url.query.get("files")
    if isinstance(folder, str) and folder:
        return Path(folder).expanduser().absolute()
    if url.get_backend_name() == "sqlite":
        return _database(url).parent
    raise UsageError(
        f"{url.render_as_string(hide_password=True)} does not say where the files lie",
        "add ?files=/folder to the URL",
    )
