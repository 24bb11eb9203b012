"""Only regular files are read, and of them no more than is wanted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zcc.runtime.regular import open_regular, read_regular, read_text, told


def test_a_file_is_read_and_so_is_what_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("grün")
    (tmp_path / "link").symlink_to("file")
    assert read_text(tmp_path / "link", 5) == "grün"
    with open_regular(tmp_path / "file") as file:
        assert file.read(2) == b"gr"


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["fifo", "zeros"])
def test_what_would_be_waited_for_or_never_end_is_refused(tmp_path: Path, make: object) -> None:
    make(tmp_path / "trap")  # type: ignore[operator]
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pytest.raises(OSError, match="no regular file"):
        read_regular(tmp_path / "trap", 10)
    assert len(os.listdir("/proc/self/fd")) == before, "a descriptor is left open"  # noqa: PTH208


def test_a_folder_is_named_for_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)


def test_no_more_is_read_than_is_wanted_nor_than_the_size_says(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="more than 1 MB"):
        read_regular(tmp_path / "sparse", 1 << 20)
    with pytest.raises(OSError, match="than its size"):
        read_regular("/proc/self/status", 1 << 20)


@pytest.mark.parametrize(("size", "words"), [(0, "0 bytes"), (1536, "1.5 KB"), (64 << 20, "64 MB"), (6 << 30, "6 GB")])
def test_sizes_are_told_for_people(size: int, words: str) -> None:
    assert told(size) == words
