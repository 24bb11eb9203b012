"""A library's header says which processors it is for."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest
from numpy.random import _pcg64

from tests.conftest import Tiny
from zcc.runtime import host
from zcc.runtime.elf import architecture_of
from zcc.runtime.errors import IncompatibleHost
from zcc.runtime.library import MODULE, load_module

RISCV = 243


def header(machine: int, order: str = "<") -> bytes:
    """The beginning of a shared library, as the ELF specification has it."""
    identity = b"\x7fELF" + bytes([2, 1 if order == "<" else 2, 1]) + bytes(9)
    return identity + struct.pack(f"{order}HH", 3, machine)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (header(62), "x86_64"),
        (header(183), "aarch64"),
        (header(22, ">"), "s390x"),
        (header(4711), "unknown (4711)"),
        (header(0), None),
        (b"\x7fELF", None),
        (b"MZ" + bytes(40), None),
        (b"", None),
    ],
)
def test_the_header_is_read(content: bytes, expected: str | None, tmp_path: Path) -> None:
    path = tmp_path / "library.so"
    path.write_bytes(content)
    assert architecture_of(path) == expected


def test_a_library_of_this_machine_is_for_it() -> None:
    assert architecture_of(Path(_pcg64.__file__)) == host.architecture()


def test_a_foreign_module_is_refused_before_it_is_opened(tiny_artifact: Tiny, tmp_path: Path) -> None:
    shutil.copy(tiny_artifact.folder / MODULE, tmp_path / MODULE)
    content = bytearray((tmp_path / MODULE).read_bytes())
    content[18:20] = struct.pack("<H", RISCV)
    (tmp_path / MODULE).chmod(0o644)
    (tmp_path / MODULE).write_bytes(content)
    with pytest.raises(IncompatibleHost, match=r"model\.so is a library for riscv64 processors, this one is"):
        load_module(tmp_path)
