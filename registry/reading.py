"""A registry as who only reads from it sees it: little to import, so that a detector is loaded by name at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from zcc.registry.artifact import Artifact
from zcc.registry.catalogue import Catalogue
from zcc.registry.files import Files
from zcc.registry.folders import Folders
from zcc.registry.index import LOCK_SECONDS, Index
from zcc.registry.location import locate
from zcc.runtime.errors import NotFound

Self = TypeVar("Self", bound="Reading")


class Reading:
    """The artifacts that references mean."""

    def __init__(self, index: Index) -> None:
        self.home = index.location.home
        self._index = index
        self._files = Files(self.home)
        self._folders = Folders(self.home, self._files)

    @classmethod
    def open(cls: type[Self], place: str | os.PathLike[str] | None = None, patience: float = LOCK_SECONDS) -> Self:
        """The registry at a folder or an SQLAlchemy URL; without one, at ZCC_REGISTRY or ./artifacts.

        Nothing is created before the first write; until then the registry reads as empty. Where another process holds
        an SQLite index, it is waited for `patience` seconds.
        """
        return cls(Index(locate(place), patience))

    def __str__(self) -> str:
        """Where it is, fit to be shown."""
        return str(self._index.location)

    def find(self, reference: str, dtype: str | None = None, target: str | None = None) -> list[Artifact]:
        """Every artifact the reference means: at least one, at most one of each dtype and target."""
        from zcc.registry import search  # lists need none of it

        with self._reading() as catalogue, self._told_where():
            return search.find(catalogue, reference, dtype, target)

    def resolve(self, reference: str, dtype: str | None = None, target: str | None = None) -> Artifact:
        """The one artifact the reference means; several are an error that lists them."""
        from zcc.registry import search

        return search.only(reference, self.find(reference, dtype, target))

    def revision(self) -> tuple[str, int] | None:
        """Which index it is and how often it was written to, None as long as there is none."""
        return self._index.revision()

    @contextmanager
    def _told_where(self) -> Iterator[None]:
        """Say in the error which registry was searched: people have several."""
        try:
            yield
        except NotFound as error:
            raise type(error)(f"{error.problem} (searched {self})", error.remedy) from error

    @contextmanager
    def _reading(self) -> Iterator[Catalogue]:
        with self._index.reading() as seen:
            yield Catalogue(seen, self._folders.path)
