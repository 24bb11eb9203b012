"""Blobs in a folder, each under its sha256: there whole, or not at all.

What comes in is written to a file beside its place and hashed on the way. When the connection breaks, it goes on where
it stopped, at once or in another process another day.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from zcc.runtime.errors import ArtifactError, CorruptArtifact
from zcc.runtime.manifest import file_sha256
from zcc.runtime.remotes.connection import Broken

CHUNK = 1 << 20
PARTIAL = ".part"
FLUSHED = 32 << 20  # bytes that are sent to the disk together
PROGRESS = 1 << 20  # bytes; a try that brings less is a barren one
PAUSES = (0.0, 0.0, 0.2, 0.5, 1.0, 2.0)  # seconds after barren tries, one after the other; then it is given up
REMEDY = "free some space, or check the mode of the folder"


class BlobContent(Protocol):
    """The bytes of a blob as they come."""

    def into(self, room: memoryview) -> int:
        """The next bytes, read into the room; how many they are, none at the end."""
        ...


Open = Callable[[int], tuple[BlobContent, int]]  # from a place on; the int says whether they begin there, or at 0


class Blobs:
    """A folder of blobs; what several processes fetch at once is fetched once."""

    def __init__(self, root: Path, pause: Callable[[float], None] = time.sleep) -> None:
        self._root, self._pause = root, pause
        self.moved = 0  # bytes that came over the wire

    def path(self, sha256: str) -> Path:
        """Where a blob lies, or would."""
        return self._root / sha256

    def holds(self, sha256: str, size: int) -> bool:
        """Whether a blob is there, and sound."""
        path = self.path(sha256)
        return path.is_file() and path.stat().st_size == size and file_sha256(path) == sha256

    def fetch(self, sha256: str, size: int, source: str, open_at: Open) -> Path:
        """The blob's file, fetched unless it is there; `source` names in errors where from."""
        path = self.path(sha256)
        try:
            if self.holds(sha256, size):
                return path
            self._root.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(sha256 + PARTIAL)
            with _alone(partial) as descriptor:
                if self.holds(sha256, size):  # another process was quicker
                    partial.unlink()
                    return path
                self._complete(_Arrival(descriptor, sha256, size, source), open_at)
                partial.replace(path)
                os.fchmod(descriptor, 0o444)
        except OSError as error:
            place = error.filename or path
            raise ArtifactError(f"{place} cannot be written: {error.strerror or error}", REMEDY) from error
        return path

    def expire(self, before: float) -> None:
        """Forget blobs and beginnings of blobs that nobody touched since then, in seconds since the epoch."""
        if self._root.is_dir():
            for path in self._root.iterdir():
                if path.lstat().st_mtime < before:
                    path.unlink(missing_ok=True)

    def _complete(self, arrival: _Arrival, open_at: Open) -> None:
        """What is missing, in as many tries as it takes; a beginning that was spoilt since is not gone on with."""
        resumed = arrival.there > 0
        self._receive(arrival, open_at)
        if resumed and not arrival.sound:
            arrival.begin_again()
            self._receive(arrival, open_at)
        arrival.finish()

    def _receive(self, arrival: _Arrival, open_at: Open) -> None:
        barren = 0
        while arrival.there < arrival.size:
            before = arrival.there
            try:
                arrival.take(*open_at(before))
            except Broken:
                barren = 0 if arrival.there - before >= PROGRESS else barren + 1
                if barren >= len(PAUSES):
                    raise
                self._pause(PAUSES[barren])
            finally:
                self.moved += max(arrival.there - before, 0)


class _Arrival:
    """A blob on its way into a file."""

    def __init__(self, descriptor: int, sha256: str, size: int, source: str) -> None:
        self._descriptor, self._sha256, self._source = descriptor, sha256, source
        self.size = size
        self.begin_again(keep=size)

    def begin_again(self, keep: int = 0) -> None:
        """Go on after what is in the file, if that is no more than so many bytes; else with an empty one."""
        self._digest, self.there = hashlib.sha256(), 0
        if os.fstat(self._descriptor).st_size > keep:
            os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        while chunk := os.read(self._descriptor, CHUNK):
            self._digest.update(chunk)
            self.there += len(chunk)

    @property
    def sound(self) -> bool:
        """Whether it is all there, and what it should be."""
        return self.there == self.size and self._digest.hexdigest() == self._sha256

    def take(self, content: BlobContent, start: int) -> None:
        """Write what comes, to the blob's last byte; one byte more, and it is another blob."""
        if start != self.there:
            self.begin_again()
        with ThreadPoolExecutor(1, "zcc-flush") as flusher:
            flushed, flushes = self.there, list[Future[None]]()
            for part in _ahead(content, self.size - self.there + 1):
                if self.there + len(part) > self.size:
                    raise CorruptArtifact(f"{self._source} has more than {self.size} bytes", "push it again")
                self._digest.update(part)
                _write(self._descriptor, part)
                self.there += len(part)
                if self.there - flushed >= FLUSHED:  # so that the disk works while more comes
                    flushed = self.there
                    flushes.append(flusher.submit(os.fsync, self._descriptor))
            for flush in flushes:
                flush.result()  # a disk tells of an error once
        if self.there < self.size:
            raise Broken(f"{self._source} ended in the middle", "try again: it goes on where it stopped")

    def finish(self) -> None:
        """See that it is what it should be, and on the disk."""
        if not self.sound:
            os.ftruncate(self._descriptor, 0)
            raise CorruptArtifact(f"{self._source} is not what its digest says", "push it again from where it is sound")
        os.fsync(self._descriptor)


def _ahead(content: BlobContent, most: int) -> Iterator[memoryview]:
    """What comes, part by part, no more than so many bytes: one is read while the one before is hashed and written."""
    rooms = [memoryview(bytearray(min(CHUNK, most))) for _ in range(2)]
    with ThreadPoolExecutor(1, "zcc-fetch") as reader:
        reading = reader.submit(_fill, content, rooms[0], most)
        while most:
            count, broken = reading.result()
            part, most = rooms[0][:count], most - count
            if count and not broken:
                rooms.reverse()
                reading = reader.submit(_fill, content, rooms[0], most)
            if count:
                yield part
            if broken:
                raise broken
            if not count:
                return


def _fill(content: BlobContent, room: memoryview, most: int) -> tuple[int, Broken | None]:
    """How many bytes came into the room before it was full, the content ended, or the connection broke."""
    room, count = room[:most], 0
    try:
        while count < len(room) and (came := content.into(room[count:])):
            count += came
    except Broken as broken:
        return count, broken
    return count, None


def _write(descriptor: int, content: memoryview) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """The file, made if it is not there, open for this process alone; the kernel frees it when the process dies."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_named(path, descriptor):
                yield descriptor
                return
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # by name: a forked child may still hold the descriptor
            os.close(descriptor)


def _is_named(path: Path, descriptor: int) -> bool:
    """Whether the path still leads to what was opened: who held it before may have given it its last name."""
    opened = os.fstat(descriptor)
    if not stat.S_ISREG(opened.st_mode):
        raise FileExistsError(17, "it is no regular file", str(path))
    try:
        named = path.lstat()
    except FileNotFoundError:
        return False
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)
