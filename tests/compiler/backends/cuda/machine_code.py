"""What stands in a cubin: its architecture, and the operations of each kernel's instructions."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator

HEADER, SECTION = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQIIQQ")
CUDA = 190  # the ELF machine
INSTRUCTION = struct.Struct("<QQ")  # of sm_70 and all later ones; the operation is in the lowest twelve bits
OPERATIONS = {0x23C: "HMMA", 0x237: "IMMA", 0x983: "LDL", 0x387: "STL", 0x83B: "LDSM", 0xFAE: "LDGSTS"}


def sections(cubin: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents."""
    fields = HEADER.unpack_from(cubin)
    assert fields[0].startswith(b"\x7fELF") and fields[2] == CUDA
    offset, size, count, names = fields[6], fields[11], fields[12], fields[13]
    headers = [SECTION.unpack_from(cubin, offset + index * size) for index in range(count)]
    strings = cubin[headers[names][4] : headers[names][4] + headers[names][5]]
    for header in headers:
        end = strings.index(b"\0", header[0])
        yield strings[header[0] : end].decode(), cubin[header[4] : header[4] + header[5]] if header[1] != 8 else b""


def operations(cubin: bytes, kernel: str) -> Counter[str]:
    """How often a kernel's code has each of the known operations."""
    code = dict(sections(cubin))[f".text.{kernel}"]
    found = (first & 0xFFF for first, _ in INSTRUCTION.iter_unpack(code))
    return Counter(OPERATIONS.get(number, "other") for number in found)


def architecture(cubin: bytes) -> int:
    """The compute capability that the file says it is for, as in sm_90: 90."""
    flags = HEADER.unpack_from(cubin)[7]
    lowest = flags & 0xFF  # younger files keep a version there, and the capability above it
    return lowest if lowest >= 50 else flags >> 8 & 0xFF
