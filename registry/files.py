"""Content-addressed files: `<home>/files/sha256/ab/cdef…`, each stored once, whoever uses it.

A file appears under its name whole and flushed to the disk, or not at all.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from pathlib import Path

from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.manifest import FileEntry, file_sha256
from zcc.runtime.regular import open_regular

_CHUNK = 1 << 20
_READ_ONLY = 0o444


class Files:
    """The files of a registry's artifacts, by content."""

    def __init__(self, home: Path) -> None:
        self._root = home / "files" / "sha256"
        self._staging = home / "staging"

    def path(self, sha256: str) -> Path:
        """Where the file with this content lies, or would."""
        return self._root / sha256[:2] / sha256[2:]

    def holds(self, entry: FileEntry) -> bool:
        """Whether the file is stored, and sound."""
        target = self.path(entry.sha256)
        return target.is_file() and file_sha256(target) == entry.sha256

    def take(self, arrived: Path, entry: FileEntry) -> None:
        """Store a file that lies in the registry's home, flushed and held against `entry`: it is moved, not copied.

        One that is not there was stored before, by whoever asks or by another one who fetched the same.
        """
        target = self.path(entry.sha256)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            arrived.replace(target)
        except FileNotFoundError as error:
            if not target.is_file():
                problem = f"the stored file {target} is gone, though it was there a moment ago"
                raise CorruptArtifact(problem, "run it again") from error
        else:
            flush_folder(target.parent)

    def add(self, source: Path, entry: FileEntry) -> None:
        """Store `source`, whose content must be what `entry` says; what is stored and sound stays."""
        if not source.is_file() or source.stat().st_size != entry.size:
            raise _not_as_named(source)
        if self.holds(entry):
            return
        target = self.path(entry.sha256)
        staged = stage(self._staging)
        try:
            _copy_checked(source, staged, entry)
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(target)
            flush_folder(target.parent)
        finally:
            discard(staged)


def stage(staging: Path) -> Path:
    """A fresh path to prepare something under; it shares the disk with what it will become."""
    staging.mkdir(parents=True, exist_ok=True)
    return staging / f"{os.getpid()}-{secrets.token_hex(8)}"


def discard(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_flushed(path: Path, content: bytes) -> None:
    """Write a new read-only file through to the disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        _finish(file.fileno())


def _copy_checked(source: Path, target: Path, entry: FileEntry) -> None:
    from concurrent.futures import ThreadPoolExecutor  # who only reads a registry does without

    digest = hashlib.sha256()
    with open_regular(source) as reader, target.open("xb") as writer, ThreadPoolExecutor(1) as beside:
        while chunk := reader.read(_CHUNK):
            hashed = beside.submit(digest.update, chunk)  # while it is written
            writer.write(chunk)
            hashed.result()
        writer.flush()
        _finish(writer.fileno())
    if digest.hexdigest() != entry.sha256:
        raise _not_as_named(source)


def _not_as_named(source: Path) -> CorruptArtifact:
    return CorruptArtifact(f"{source} is not the file its manifest names", "build the artifact again")


def _finish(descriptor: int) -> None:
    os.fchmod(descriptor, _READ_ONLY)
    os.fsync(descriptor)
