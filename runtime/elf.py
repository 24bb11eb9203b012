"""Which processors a shared library is for, read in its header before anything of it is opened."""

from __future__ import annotations

from pathlib import Path

from zcc.runtime import host
from zcc.runtime.errors import IncompatibleHost

HEADER = 20  # bytes up to and with the field that names the processor
MAGIC = b"\x7fELF"
BIG_ENDIAN = 2
# The numbers of processors in ELF, by the names that `host.architecture` gives them.
ARCHITECTURES = {3: "i386", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


def refuse_foreign(library: Path) -> None:
    """Raise IncompatibleHost where the library is for another architecture than this process's."""
    built, here = architecture_of(library), host.architecture()
    if built not in (None, here):
        raise IncompatibleHost(
            f"{library} is a library for {built} processors, this one is {here}", "compile the model for this machine"
        )


def architecture_of(library: Path) -> str | None:
    """The architecture that an ELF header names; None where it names none, and of other systems' libraries."""
    with library.open("rb") as file:
        header = file.read(HEADER)
    if len(header) < HEADER or not header.startswith(MAGIC):
        return None
    number = int.from_bytes(header[18:20], "big" if header[5] == BIG_ENDIAN else "little")
    return ARCHITECTURES.get(number, f"unknown ({number})") if number else None
