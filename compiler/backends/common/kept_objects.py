"""Object files that were compiled before, kept in the user's cache by the hash of all that they were made from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from zcc.runtime.cache import REMEDY, cache_folder, written_into_cache
from zcc.runtime.errors import ArtifactError

MOST_BYTES = 512 << 20  # of all that is kept: the objects of some hundred artifacts
SHARES = 16  # folders, by a key's first digit, each with its share of the bytes: to make room, one is looked through
LONGEST_WRITE = 3600 * 10**9  # nanoseconds after which a file that is not whole will never be
HASH_BYTES = hashlib.sha256().digest_size


def objects_folder() -> Path:
    """Where compiled kernels are kept."""
    return cache_folder() / "objects"


class KeptObjects:
    """Objects under keys of hexadecimal digits; those not asked for longest go when they become too many bytes."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._share = most_bytes // SHARES

    def find(self, key: str) -> bytes | None:
        """What was kept under the key; None if there is nothing, or if it is damaged."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:  # never kept, or dropped meanwhile
            return None
        except OSError as error:
            raise ArtifactError(f"{path} cannot be read: {error.strerror}", REMEDY) from error
        content = data[HASH_BYTES:]
        return content if _hash(content) == data[:HASH_BYTES] else None

    def keep(self, contents: Mapping[str, bytes]) -> None:
        """Keep each under its key."""
        for key, content in contents.items():
            # What a loss of power leaves of it is found to be damaged, so nobody need wait for the disk.
            with written_into_cache(self._path(key), durable=False) as writer:
                writer.write(_hash(content) + content)
        for folder in {self._path(key).parent for key in contents}:
            _drop_oldest(folder, self._share)

    def _path(self, key: str) -> Path:
        return self._folder / key[0] / key


def _drop_oldest(folder: Path, most_bytes: int) -> None:
    found = []
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):  # another process drops, too
            status = entry.stat()
            found.append((status.st_mtime_ns, status.st_size, Path(entry.path)))
    newest = max((written for written, *_ in found), default=0)
    left = most_bytes
    for written, size, path in sorted(found, reverse=True):
        left -= size
        being_written = path.name.startswith(".") and newest - written < LONGEST_WRITE
        if left < 0 and not being_written:
            path.unlink(missing_ok=True)


def _hash(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
