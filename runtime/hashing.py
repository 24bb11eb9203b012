"""The sha256 of files, at the speed at which one core hashes: the next piece is read while one is hashed."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Generator
from contextlib import closing
from io import FileIO
from pathlib import Path
from queue import SimpleQueue

from zcc.runtime.regular import open_raw

PIECE = 1 << 20
SMALL = 8 * PIECE  # up to here, starting a thread costs more than it saves
BUFFERS = 2  # one is read into while the other one is hashed

Pieces = Generator[memoryview, None, None]


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with open_raw(path) as stream:
        pieces = _one_by_one(stream) if os.fstat(stream.fileno()).st_size <= SMALL else _ahead(stream)
        with closing(pieces):
            for piece in pieces:
                digest.update(piece)
    return digest.hexdigest()


def _one_by_one(stream: FileIO) -> Pieces:
    buffer = memoryview(bytearray(PIECE >> 2))  # stays in a core's cache from where it is read to where it is hashed
    while size := stream.readinto(buffer):
        yield buffer[:size]


def _ahead(stream: FileIO) -> Pieces:
    """Each piece while a thread reads the next one; what the thread cannot read is raised here."""
    free: SimpleQueue[memoryview | None] = SimpleQueue()
    read: SimpleQueue[tuple[memoryview, int] | OSError] = SimpleQueue()
    for _ in range(BUFFERS):
        free.put(memoryview(bytearray(PIECE)))
    reader = threading.Thread(target=_read, args=(stream, free, read), name="zcc-reading", daemon=True)
    reader.start()
    try:
        while not isinstance(found := read.get(), OSError):
            buffer, size = found
            if not size:
                return
            yield buffer[:size]
            free.put(buffer)
        raise found
    finally:
        free.put(None)
        reader.join()


def _read(
    stream: FileIO, free: SimpleQueue[memoryview | None], read: SimpleQueue[tuple[memoryview, int] | OSError]
) -> None:
    """Fill what is free until nobody wants more; what is behind the end is empty."""
    try:
        while (buffer := free.get()) is not None:
            read.put((buffer, stream.readinto(buffer)))
    except OSError as error:
        read.put(error)
