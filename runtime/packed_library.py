"""TVM's runtime library as artifacts carry it: compressed, since it would be most of a small one."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import IO

from zcc.runtime import limits
from zcc.runtime.cache import cache_folder, written_into_cache
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.regular import open_regular, told

RUNTIME_LIBRARY = "libtvm_runtime.so.gz"  # in an artifact; loaded once per process
LIBRARY = RUNTIME_LIBRARY.removesuffix(".gz")
GZIP = 16 + zlib.MAX_WBITS  # to zlib: what comes is a gzip file
TRAILER = Struct("<II")  # its last bytes
PIECE = 1 << 20  # bytes that are looked at at once
REMEDY = "compile the model again"


@dataclass(frozen=True)
class Content:
    """What the end of a gzip file says of its content."""

    crc: int
    size: int

    def is_in(self, path: Path) -> bool:
        """Whether the file has this content."""
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        crc = 0
        with open_regular(path) as file:
            while piece := file.read(PIECE):
                crc = zlib.crc32(piece, crc)
        return crc == self.crc


def expanded(packed: Path, known: Iterable[Path]) -> Path:
    """The library: one of the `known` files that equals it, else a file in the cache, written there when it is not."""
    content = _content(packed)
    kept = cache_folder() / "tvm" / f"{content.crc:08x}-{content.size}" / LIBRARY
    for path in (*known, kept):
        if content.is_in(path):
            return path
    with written_into_cache(kept) as writer:
        for piece in _pieces(packed, content.size):
            writer.write(piece)
    return kept


def check_packed(packed: Path) -> None:
    """Refuse a library that cannot be expanded, or to more than a runtime library has."""
    for _ in _pieces(packed, _content(packed).size):
        pass


def _content(packed: Path) -> Content:
    """What the library says of itself, where that can be."""
    with _opened(packed) as file:
        size = file.seek(0, os.SEEK_END)
        if size > limits.RUNTIME_LIBRARY:
            raise CorruptArtifact(f"{packed} has more than {told(limits.RUNTIME_LIBRARY)}", REMEDY)
        if size < TRAILER.size:
            raise CorruptArtifact(f"{packed} is no gzip file", REMEDY)
        file.seek(-TRAILER.size, os.SEEK_END)
        content = Content(*TRAILER.unpack(file.read(TRAILER.size)))
    if content.size > limits.RUNTIME_LIBRARY:
        reason = f"it says that it has {told(content.size)}, more than {told(limits.RUNTIME_LIBRARY)}"
        raise CorruptArtifact(f"{packed} cannot be expanded: {reason}", REMEDY)
    return content


def _pieces(packed: Path, size: int) -> Iterator[bytes]:
    """What the file holds, bit by bit, of which no more is made than it says at its end."""
    decompressor, left = zlib.decompressobj(GZIP), size
    with _opened(packed) as file:
        for piece in _made(decompressor, file, packed):
            left -= len(piece)
            if left < 0:
                break
            yield piece
        behind = decompressor.unused_data or file.read(1)
    if left or not decompressor.eof or behind:
        raise CorruptArtifact(f"{packed} cannot be expanded: it is not the {size} bytes that it says", REMEDY)


def _made(decompressor: zlib._Decompress, file: IO[bytes], packed: Path) -> Iterator[bytes]:
    """What comes of the file up to its first end, in pieces of at most so many bytes."""
    rest, full = b"", False
    try:
        while not decompressor.eof and (rest or full or (rest := file.read(PIECE))):
            piece = decompressor.decompress(rest, PIECE)
            rest, full = decompressor.unconsumed_tail, len(piece) == PIECE
            yield piece
    except zlib.error as error:
        raise CorruptArtifact(f"{packed} cannot be expanded: {error}", REMEDY) from error


@contextmanager
def _opened(packed: Path) -> Iterator[IO[bytes]]:
    try:
        with open_regular(packed) as file:
            yield file
    except OSError as error:
        raise CorruptArtifact(f"{packed} cannot be read: {error.strerror}", REMEDY) from error
