"""What lies in a registry's folder, walked and deleted by descriptors: never through a link, never anything foreign.

A name may come to mean something else between two looks at it, and a link leads out of the folder. So every folder is
opened from the one above it, links refused, and what is deleted is a name in a folder that is held open.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from zcc.runtime.in_use import is_held

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not hold up who opens it

ARTIFACTS, STAGING, RESULTS = ("artifacts",), ("staging",), ("results",)
CONTENTS = ("files", "sha256")
_HASH, _START, _REST = (re.compile(rf"[0-9a-f]{{{count}}}") for count in (64, 2, 62))
_STAGED = re.compile(r"\d+-[0-9a-f]{16}")


@dataclass(frozen=True)
class Stray:
    """Something in the registry's folder that is left alone, and why."""

    path: Path
    what: str


@dataclass(frozen=True)
class Item:
    """Something that the registry made, with all that is in it."""

    place: tuple[str, ...]  # names from the registry's folder down
    changed: float  # the last change of its own inode
    files: tuple[os.stat_result, ...]


@dataclass
class Survey:
    """Everything in a registry's folder, by what it is."""

    artifacts: dict[str, Item] = field(default_factory=dict)  # by digest
    contents: dict[str, Item] = field(default_factory=dict)  # by sha256
    staged: list[Item] = field(default_factory=list)
    results: dict[str, Item] = field(default_factory=dict)  # by digest of the artifact that they tell of
    strays: list[Stray] = field(default_factory=list)


class Foreign(Exception):
    """What is there is not of the registry's making; the message says what it is."""

    place: tuple[str, ...] = ()  # when it is on the way to what was looked for


class Tree:
    """The registry's folder."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def survey(self) -> Survey:
        """Look at everything once."""
        found = Survey()
        for name, place in self._names(ARTIFACTS, _HASH, found):
            if item := self._take(place, found):
                found.artifacts[f"sha256:{name}"] = item
        for start, folder in self._names(CONTENTS, _START, found):
            for rest, place in self._names(folder, _REST, found):
                if item := self._take(place, found):
                    found.contents[start + rest] = item
        for _, place in self._names(STAGING, _STAGED, found):
            if item := self._take(place, found):
                found.staged.append(item)
        for name, place in self._names(RESULTS, _HASH, found):
            if item := self._take(place, found):
                found.results[f"sha256:{name}"] = item
        return found

    def remove(self, item: Item) -> None:
        """Delete it with all that is in it."""
        *folders, name = item.place
        with self._opened(folders) as parent:
            _delete(parent, name)

    def in_use(self, item: Item) -> bool:
        """Whether a running detector holds it."""
        try:
            with self._opened(item.place) as descriptor:
                return is_held(descriptor)
        except (FileNotFoundError, Foreign):
            return False

    def read(self, place: Sequence[str], most: int) -> bytes:
        """The bytes of a regular file, `most` of them; Foreign or OSError where there is none."""
        *folders, name = place
        with self._opened(folders) as parent, os.fdopen(os.open(name, _FILE | os.O_NOFOLLOW, dir_fd=parent), "rb") as f:
            if not stat.S_ISREG(os.fstat(f.fileno()).st_mode):
                raise Foreign("is no regular file")
            content: bytes = f.read(most)
            return content

    @contextmanager
    def _opened(self, place: Sequence[str]) -> Iterator[int]:
        """The folder, each step of the way opened from the one before; the home itself may be reached by a link."""
        with ExitStack() as held:
            descriptor = os.open(self.home, _DIRECTORY)
            held.callback(os.close, descriptor)
            for depth, name in enumerate(place, 1):
                try:
                    descriptor = _open_folder(descriptor, name)
                except Foreign as foreign:
                    foreign.place = tuple(place[:depth])
                    raise
                held.callback(os.close, descriptor)
            yield descriptor

    def _names(
        self, place: tuple[str, ...], form: re.Pattern[str], found: Survey
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The names in a folder that are as the registry gives them."""
        try:
            with self._opened(place) as descriptor:
                names = sorted(_inside(descriptor))
        except FileNotFoundError:
            return
        except Foreign as foreign:
            found.strays.append(Stray(self.home.joinpath(*(foreign.place or place)), str(foreign)))
            return
        for name in names:
            if form.fullmatch(name):
                yield name, (*place, name)
            else:
                found.strays.append(Stray(self.home.joinpath(*place, name), "is not of the registry's making"))

    def _take(self, place: tuple[str, ...], found: Survey) -> Item | None:
        """What lies there; None where it is not the registry's, which then is a stray."""
        *folders, name = place
        try:
            with self._opened(folders) as parent:
                stats = tuple(_measure(parent, name, os.fstat(parent).st_dev))
        except FileNotFoundError:
            return None  # whoever works beside us finished with it
        except Foreign as foreign:
            found.strays.append(Stray(self.home.joinpath(*place), str(foreign)))
            return None
        files = tuple(each for each in stats if stat.S_ISREG(each.st_mode))
        is_folder, wanted = stat.S_ISDIR(stats[0].st_mode), place[: len(CONTENTS)] != CONTENTS
        if place[:1] != STAGING and is_folder != wanted:
            found.strays.append(Stray(self.home.joinpath(*place), "is not of the registry's making"))
            return None
        return Item(place, stats[0].st_ctime, files)


def _inside(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _open_folder(parent: int, name: str) -> int:
    if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        raise Foreign("is a symbolic link")
    try:
        return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    except NotADirectoryError as error:
        raise Foreign("is no folder") from error


def _measure(parent: int, name: str, device: int) -> Iterator[os.stat_result]:
    """The thing and everything in it; Foreign where that is more than folders and files on one disk."""
    found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    kind = stat.S_IFMT(found.st_mode)
    if kind not in (stat.S_IFDIR, stat.S_IFREG):
        raise Foreign("is a symbolic link" if kind == stat.S_IFLNK else "is neither a file nor a folder")
    if found.st_dev != device:
        raise Foreign("lies on another disk")
    yield found
    if kind == stat.S_IFDIR:
        descriptor = _open_folder(parent, name)
        try:
            for inner in _inside(descriptor):
                try:
                    yield from _measure(descriptor, inner, device)
                except Foreign as foreign:
                    raise Foreign(f"holds {inner!a}, which {foreign}") from foreign
        finally:
            os.close(descriptor)


def _delete(parent: int, name: str) -> None:
    """Delete a name; what a link leads to is never touched."""
    try:
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=parent)
            return
        descriptor = _open_folder(parent, name)
        try:
            for inner in _inside(descriptor):
                _delete(descriptor, inner)
        finally:
            os.close(descriptor)
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        return  # gone already, which is what was wanted
