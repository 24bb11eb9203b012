"""Hashes of files of all sizes, against hashlib over their bytes in one piece."""

from __future__ import annotations

import hashlib
import threading
from io import FileIO
from pathlib import Path

import pytest

from zcc.runtime import hashing
from zcc.runtime.hashing import PIECE, SMALL, file_sha256


@pytest.mark.parametrize("size", [0, 1, PIECE, SMALL, SMALL + 1, SMALL + PIECE, SMALL + PIECE + 17])
def test_it_is_the_hash_of_all_bytes(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    content = bytes(range(251)) * (size // 251 + 1)
    path.write_bytes(content[:size])
    assert file_sha256(path) == hashlib.sha256(content[:size]).hexdigest()


def test_what_cannot_be_read_is_the_callers_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(FileIO):
        def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
            if self.tell() >= 3 * PIECE:
                raise OSError(5, "the disk is broken")
            return super().readinto(buffer) or 0

    path = tmp_path / "file"
    path.write_bytes(bytes(2 * SMALL))
    monkeypatch.setattr(hashing, "open_raw", Broken)
    with pytest.raises(OSError, match="the disk is broken"):
        file_sha256(path)
    assert not any(thread.name == "zcc-reading" for thread in threading.enumerate())
