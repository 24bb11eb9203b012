"""TVM's runtime library for another platform: from pip once, by hash, and from the cache from then on."""

from __future__ import annotations

import hashlib
from pathlib import Path
from zipfile import ZipFile

import pytest

from zcc.compiler.backends.cpu.program.foreign_runtime import MEMBER, PUBLISHED, Published, foreign_runtime
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.runtime.errors import BuildError

CONTENT = b"\x7fELF for another machine"
PLATFORM = "manylinux_2_28_aarch64"


def published(content: bytes = CONTENT) -> Published:
    return Published("9.9", PLATFORM, hashlib.sha256(content).hexdigest())


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows of, and an empty cache."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path / "cache"))
    return folder


def put_wheel(index: Path, members: dict[str, bytes]) -> Path:
    wheel = index / f"apache_tvm-9.9-py3-none-{PLATFORM}.whl"
    with ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr("apache_tvm-9.9.dist-info/METADATA", "Metadata-Version: 2.1\nName: apache-tvm\nVersion: 9.9\n")
        archive.writestr("apache_tvm-9.9.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: py3-none-{PLATFORM}\n")
        archive.writestr("apache_tvm-9.9.dist-info/RECORD", "")
    return wheel


def test_it_is_fetched_once_and_kept_alone(index: Path) -> None:
    wheel = put_wheel(index, {MEMBER: CONTENT, "tvm/lib/libtvm_compiler.so": b"large"})
    kept = foreign_runtime(published())
    assert kept.read_bytes() == CONTENT
    assert list(kept.parent.iterdir()) == [kept]
    wheel.unlink()
    assert foreign_runtime(published()) == kept


def test_without_a_network_one_line_says_what_to_put_where() -> None:
    wanted = published()
    with pytest.raises(BuildError) as raised:
        foreign_runtime(wanted)
    message = str(raised.value)
    assert f"apache-tvm 9.9's wheel for {PLATFORM}" in message
    assert str(wanted.kept) in message
    assert "\n" not in message
    wanted.kept.parent.mkdir(parents=True)
    wanted.kept.write_bytes(CONTENT)
    assert foreign_runtime(wanted) == wanted.kept


@pytest.mark.parametrize("members", [{MEMBER: b"something else"}, {"tvm/version.py": b""}])
def test_what_is_not_the_library_is_not_kept(index: Path, members: dict[str, bytes]) -> None:
    put_wheel(index, members)
    with pytest.raises(BuildError, match="cannot be fetched"):
        foreign_runtime(published())
    assert not published().kept.exists()


def test_every_targets_platform_is_known() -> None:
    known = {(system, architecture) for _, system, architecture in PUBLISHED}
    assert {(target.os, target.arch) for target in TARGETS.values()} <= known
