"""Artifact folders on file systems of every kind."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.runtime.errors import Unavailable


def test_without_hard_links_the_files_are_copied(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    registry = Registry.open(home)
    for _ in range(2):
        found = registry.publish(*artifact(tmp_path / "a"))
        assert (found.folder / "weights.bin").stat().st_nlink == 1
        assert registry.verify().problems == ()
    registry.remove("yolo")
    assert registry.gc().bytes > 2 * 20_000


def test_another_failure_to_link_is_an_error(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(Unavailable, match="check the disk"):
        Registry.open(home).publish(*artifact(tmp_path / "a"))
    assert Registry.open(home).artifacts() == []


def test_what_is_stored_cannot_be_written_by_mistake(home: Path, tmp_path: Path) -> None:
    found = Registry.open(home).publish(*artifact(tmp_path / "a"))
    assert {path.stat().st_mode & 0o777 for path in found.folder.iterdir()} == {0o444}


def test_files_in_subfolders_are_kept_in_place(home: Path, tmp_path: Path) -> None:
    source, manifest = artifact(tmp_path / "a")
    (source / "deep").mkdir()
    (source / "weights.bin").rename(source / "deep" / "weights.bin")
    moved = tuple(
        type(entry)(f"deep/{entry.path}" if entry.path == "weights.bin" else entry.path, entry.sha256, entry.size)
        for entry in manifest.files
    )
    registry = Registry.open(home)
    found = registry.publish(source, type(manifest)(**{**vars(manifest), "files": moved}))
    assert (found.folder / "deep" / "weights.bin").is_file()
    assert registry.verify().problems == ()
