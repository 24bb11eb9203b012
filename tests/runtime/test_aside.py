"""Files that appear whole or not at all, and what is no file."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from zcc.runtime.aside import written_aside, written_out
from zcc.runtime.errors import ArtifactError

REMEDY = "choose another place"


def test_a_file_is_the_old_one_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(RuntimeError), written_out(path, REMEDY) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_text() == "old"
    with written_out(path, REMEDY) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    """As /dev/null and /dev/stdout, which root could put files in the place of."""
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for place in (pipe, tmp_path / "link"):
        reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
        reader.start()
        with written_out(place, REMEDY) as file:
            file.write(b"all of it")
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        reader.join(60)
    assert read == [b"all of it"] * 2


def test_a_link_that_a_user_names_leads_on_and_one_among_our_own_files_does_not(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("theirs")
    link.symlink_to(target)
    with written_out(link, REMEDY) as file:
        file.write(b"written")
    assert (link.is_symlink(), target.read_text()) == (True, "written")
    with written_aside(link, REMEDY) as file:
        file.write(b"ours")
    assert (link.is_symlink(), link.read_text(), target.read_text()) == (False, "ours", "written")


def test_a_link_that_leads_to_itself_is_replaced(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with written_out(loop, REMEDY) as file:
        file.write(b"page")
    assert loop.read_text() == "page"


@pytest.mark.parametrize("place", ["", "absent/page.html", "x" * 300])
def test_where_nothing_can_be_written_is_told(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArtifactError, match=f"cannot be written: .*; {REMEDY}"), written_out(Path(place), REMEDY):
        pass
    assert list(tmp_path.iterdir()) == []
