"""TVM's runtime library as artifacts carry it: compressed, since it would be most of a small one."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from zcc.runtime.cache import cache_folder, written_into_cache
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.library import RUNTIME_LIBRARY

LIBRARY = RUNTIME_LIBRARY.removesuffix(".gz")
GZIP = 16 + zlib.MAX_WBITS  # to zlib: what comes is a gzip file
TRAILER = Struct("<II")  # its last bytes


@dataclass(frozen=True)
class Content:
    """What the end of a gzip file says of its content."""

    crc: int
    size: int

    def is_in(self, path: Path) -> bool:
        """Whether the file has this content."""
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        return zlib.crc32(path.read_bytes()) == self.crc


def expanded(packed: Path, known: Iterable[Path]) -> Path:
    """The library: one of the `known` files that equals it, else a file in the cache, written there when it is not."""
    data = packed.read_bytes()
    if len(data) < TRAILER.size:
        raise CorruptArtifact(f"{packed} is no gzip file", "compile the model again")
    content = Content(*TRAILER.unpack(data[-TRAILER.size :]))
    kept = cache_folder() / "tvm" / f"{content.crc:08x}-{content.size}" / LIBRARY
    for path in (*known, kept):
        if content.is_in(path):
            return path
    with written_into_cache(kept) as writer:
        writer.write(_decompressed(data, packed))
    return kept


def _decompressed(data: bytes, packed: Path) -> bytes:
    try:
        return zlib.decompress(data, GZIP)
    except zlib.error as error:
        raise CorruptArtifact(f"{packed} cannot be expanded: {error}", "compile the model again") from error
