"""Blobs that come in: whole under their names, gone on with where they broke off, fetched once by many."""

from __future__ import annotations

import hashlib
import random
import threading
from pathlib import Path

import pytest

from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.remotes.blobs import BlobContent, Blobs
from zcc.runtime.remotes.connection import Broken

BYTES = random.Random(7).randbytes(2_500_000)
SHA = hashlib.sha256(BYTES).hexdigest()


class Source:
    """Hands the bytes out from a place on, and breaks after so many."""

    def __init__(self, *lives: int, resumes: bool = True, content: bytes = BYTES) -> None:
        self._lives, self._resumes, self._content = list(lives), resumes, content
        self.opened: list[int] = []

    def open_at(self, start: int) -> tuple[BlobContent, int]:
        """From a place on, or from the start where it cannot be gone on with."""
        self.opened.append(start)
        begins = start if self._resumes else 0
        return Stretch(self._content[begins:], self._lives.pop(0) if self._lives else None), begins


class Stretch:
    """Bytes as they come."""

    def __init__(self, content: bytes, life: int | None) -> None:
        self._content, self._life, self._given = content, life, 0

    def into(self, room: memoryview) -> int:
        """The next of them; Broken when the life is over."""
        left = len(self._content) if self._life is None else min(len(self._content), self._life)
        count = min(len(room), left - self._given)
        if count == 0 and self._life is not None:
            raise Broken("cut", "try again")
        room[:count] = self._content[self._given : self._given + count]
        self._given += count
        return count


def _fetch(folder: Path, source: Source, size: int = len(BYTES)) -> Blobs:
    blobs = Blobs(folder, pause=lambda seconds: None)
    blobs.fetch(SHA, size, "there", source.open_at)
    return blobs


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_blob_comes_once(tmp_path: Path) -> None:
    source = Source()
    assert _fetch(tmp_path, source).path(SHA).read_bytes() == BYTES
    assert _fetch(tmp_path, source).moved == 0
    assert source.opened == [0]
    assert _names(tmp_path) == [SHA]


def test_what_breaks_off_is_gone_on_with(tmp_path: Path) -> None:
    source = Source(1_000_000, 700_000)
    assert _fetch(tmp_path, source).moved == len(BYTES)
    assert source.opened == [0, 1_000_000, 1_700_000]


def test_another_process_goes_on_another_day(tmp_path: Path) -> None:
    with pytest.raises(Broken):
        _fetch(tmp_path, Source(*[1000] * 20))
    assert _names(tmp_path) == [f"{SHA}.part"]
    source = Source()
    assert _fetch(tmp_path, source).path(SHA).read_bytes() == BYTES
    assert source.opened == [6000]


def test_a_server_that_cannot_go_on_begins_again(tmp_path: Path) -> None:
    assert _fetch(tmp_path, Source(1_000_000, resumes=False)).path(SHA).read_bytes() == BYTES


def test_a_beginning_that_was_spoilt_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / f"{SHA}.part").write_bytes(b"x" * 1000)
    source = Source()
    assert _fetch(tmp_path, source).path(SHA).read_bytes() == BYTES
    assert source.opened == [1000, 0]


@pytest.mark.parametrize("content", [BYTES[:-1] + b"x", BYTES + b"x"], ids=["changed", "longer"])
def test_what_is_another_blob_is_not_kept(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CorruptArtifact):
        _fetch(tmp_path, Source(content=content))
    assert SHA not in _names(tmp_path)
    assert _fetch(tmp_path, Source()).path(SHA).read_bytes() == BYTES


def test_many_fetch_it_once(tmp_path: Path) -> None:
    sources = [Source() for _ in range(6)]
    threads = [threading.Thread(target=_fetch, args=(tmp_path, source)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(source.opened) for source in sources) == 1
    assert _names(tmp_path) == [SHA]


def test_a_damaged_blob_is_fetched_again(tmp_path: Path) -> None:
    path = _fetch(tmp_path, Source()).path(SHA)
    path.chmod(0o644)
    path.write_bytes(BYTES[:-1] + b"x")
    assert _fetch(tmp_path, Source()).path(SHA).read_bytes() == BYTES
