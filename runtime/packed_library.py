"""TVM's runtime library as artifacts carry it: compressed, since it would be most of a small one."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from zcc.runtime import limits
from zcc.runtime.cache import cache_folder, written_into_cache
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.regular import read_regular, told

RUNTIME_LIBRARY = "libtvm_runtime.so.gz"  # in an artifact; loaded once per process
LIBRARY = RUNTIME_LIBRARY.removesuffix(".gz")
GZIP = 16 + zlib.MAX_WBITS  # to zlib: what comes is a gzip file
TRAILER = Struct("<II")  # its last bytes
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
        return zlib.crc32(read_regular(path, self.size)) == self.crc


def expanded(packed: Path, known: Iterable[Path]) -> Path:
    """The library: one of the `known` files that equals it, else a file in the cache, written there when it is not."""
    data = _read(packed)
    content = _content(data, packed)
    kept = cache_folder() / "tvm" / f"{content.crc:08x}-{content.size}" / LIBRARY
    for path in (*known, kept):
        if content.is_in(path):
            return path
    library = _decompressed(data, content.size, packed)
    with written_into_cache(kept) as writer:
        writer.write(library)
    return kept


def check_packed(packed: Path) -> None:
    """Refuse a library that cannot be expanded, or to more than a runtime library has."""
    data = _read(packed)
    _decompressed(data, _content(data, packed).size, packed)


def _read(packed: Path) -> bytes:
    try:
        data = read_regular(packed, limits.RUNTIME_LIBRARY)
    except OSError as error:
        raise CorruptArtifact(f"{packed} cannot be read: {error.strerror}", REMEDY) from error
    if len(data) < TRAILER.size:
        raise CorruptArtifact(f"{packed} is no gzip file", REMEDY)
    return data


def _content(data: bytes, packed: Path) -> Content:
    """What the library says of itself, where that can be."""
    content = Content(*TRAILER.unpack(data[-TRAILER.size :]))
    if content.size > limits.RUNTIME_LIBRARY:
        reason = f"it says that it has {told(content.size)}, more than {told(limits.RUNTIME_LIBRARY)}"
        raise CorruptArtifact(f"{packed} cannot be expanded: {reason}", REMEDY)
    return content


def _decompressed(data: bytes, size: int, packed: Path) -> bytes:
    """What the file holds, of which no more is made than it says at its end."""
    decompressor = zlib.decompressobj(GZIP)
    try:
        content = decompressor.decompress(data, size + 1)
    except zlib.error as error:
        raise CorruptArtifact(f"{packed} cannot be expanded: {error}", REMEDY) from error
    if len(content) != size or not decompressor.eof or decompressor.unused_data:
        raise CorruptArtifact(f"{packed} cannot be expanded: it is not the {size} bytes that it says", REMEDY)
    return content
