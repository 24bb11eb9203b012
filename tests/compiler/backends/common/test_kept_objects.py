"""Object files that are kept: found by their key, whole or not at all, and never too many."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zcc.compiler.backends.common.kept_objects import HASH_BYTES, SHARES, KeptObjects
from zcc.runtime.errors import ArtifactError

SIZE = 1000
TAKEN = SIZE + HASH_BYTES


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    KeptObjects(tmp_path / "objects").keep({"a": b"first", "b": b""})
    kept = KeptObjects(tmp_path / "objects")
    assert [kept.find(key) for key in ("a", "b", "c")] == [b"first", b"", None]


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:5], lambda data: data[:-1] + b"X"])
def test_what_is_damaged_counts_as_never_kept(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    kept = KeptObjects(tmp_path)
    kept.keep({"a": b"content"})
    path = tmp_path / "a" / "a"
    path.write_bytes(damage(path.read_bytes()))
    assert kept.find("a") is None
    kept.keep({"a": b"content"})
    assert kept.find("a") == b"content"


def test_what_was_not_asked_for_longest_goes_first(tmp_path: Path) -> None:
    kept = KeptObjects(tmp_path, most_bytes=3 * TAKEN * SHARES)
    kept.keep({key: key[1].encode() * SIZE for key in ("0a", "0b", "0c", "1a")})
    for age, key in enumerate(("0c", "0b", "0a")):  # `0a` is the oldest
        os.utime(tmp_path / "0" / key, (1000 - age, 1000 - age))
    assert kept.find("0a") is not None  # but was asked for since
    kept.keep({"0d": b"d" * SIZE})
    assert {path.name for path in tmp_path.glob("*/*")} == {"0a", "0c", "0d", "1a"}


def test_what_interrupted_writers_left_goes_too(tmp_path: Path) -> None:
    left = tmp_path / "b" / ".ba-1-2"
    left.parent.mkdir()
    left.write_bytes(b"a" * SIZE)
    os.utime(left, (1000, 1000))
    KeptObjects(tmp_path, most_bytes=TAKEN * SHARES).keep({"bb": b"b" * SIZE})
    assert [path.name for path in tmp_path.glob("*/*")] == ["bb"]


def test_what_another_writes_meanwhile_stays(tmp_path: Path) -> None:
    begun = tmp_path / "b" / ".ba-1-2"
    begun.parent.mkdir()
    begun.write_bytes(b"a" * SIZE)
    KeptObjects(tmp_path, most_bytes=TAKEN * SHARES).keep({"bb": b"b" * SIZE})
    assert {path.name for path in tmp_path.glob("*/*")} == {".ba-1-2", "bb"}


def test_many_write_read_and_drop_at_once(tmp_path: Path) -> None:
    contents = {f"0{number:x}": bytes([number]) * SIZE for number in range(16)}

    def work(_: int) -> None:
        kept = KeptObjects(tmp_path, most_bytes=10 * TAKEN * SHARES)
        for key, content in contents.items():
            kept.keep({key: content})
            assert kept.find(key) in (content, None)  # nothing else, whoever else writes it or drops it

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(list(tmp_path.glob("*/*"))) <= 10


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = KeptObjects(tmp_path / "file" / "objects")
    with pytest.raises(ArtifactError, match=r"objects.a.a cannot be read: .*set ZCC_CACHE"):
        kept.find("a")
    with pytest.raises(ArtifactError, match=r"objects.a cannot be made: .*set ZCC_CACHE"):
        kept.keep({"a": b""})
