"""What a shared library asks of others: the dynamic symbols of an ELF file for 64 bits, little-endian.

Those of TVM's runtime are not undefined: the library holds a pointer for each, which the loader fills.
"""

from __future__ import annotations

from pathlib import Path
from struct import iter_unpack, unpack_from

DYNAMIC_SYMBOLS = 11  # a section's type


def symbols(library: Path) -> set[str]:
    """The names of all functions and data that the library takes from elsewhere, or gives away."""
    data = library.read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01", f"{library} is no such file"
    (table,) = unpack_from("<Q", data, 0x28)
    size, count = unpack_from("<HH", data, 0x3A)
    sections = [unpack_from("<IIQQQQIIQQ", data, table + size * number) for number in range(count)]
    names: set[str] = set()
    for _, kind, _, _, offset, length, link, *_ in sections:
        if kind == DYNAMIC_SYMBOLS:
            strings = sections[link][4]
            names |= {
                _text(data, strings + name) for name, *_ in iter_unpack("<IBBHQQ", data[offset : offset + length])
            }
    return names - {""}


def _text(data: bytes, begin: int) -> str:
    return data[begin : data.index(b"\0", begin)].decode()
