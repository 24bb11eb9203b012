"""Who links for machines of another architecture."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from zcc.compiler.backends.cpu.program.linking import cross_linker
from zcc.runtime import host
from zcc.runtime.errors import BuildError

ELSEWHERE = "riscv64-unknown-linux-gnu"
COMPILER = "riscv64-linux-gnu-gcc"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, and no Zig."""
    monkeypatch.setitem(sys.modules, "ziglang", None)
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def put_compiler(folder: Path, script: str) -> None:
    program = folder / COMPILER
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_tvm_links_for_machines_like_this_one() -> None:
    assert cross_linker(f"{host.architecture()}-unknown-{host.system()}-gnu") is None


def test_without_a_linker_it_is_said_what_to_install(bare: Path) -> None:
    with pytest.raises(BuildError, match=rf"no linker for linux on riscv64.*pip install '\.\[cross\]'.*{COMPILER}"):
        cross_linker(ELSEWHERE)


def test_a_cross_compiler_of_the_system_links(bare: Path, tmp_path: Path) -> None:
    put_compiler(bare, f'echo "$@" > {tmp_path}/arguments')
    link = cross_linker(ELSEWHERE)
    assert link is not None
    link("net.so", ["net.o"], options=["-Wl,-S"])
    assert (tmp_path / "arguments").read_text() == "-shared -fPIC -Wl,-S -o net.so net.o\n"


def test_what_a_linker_complains_of_is_told(bare: Path) -> None:
    put_compiler(bare, "echo net.o: no such file >&2\nexit 3")
    link = cross_linker(ELSEWHERE)
    assert link is not None
    with pytest.raises(BuildError, match=r"cannot link net.so: net.o: no such file"):
        link("net.so", ["net.o"])
