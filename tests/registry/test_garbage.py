"""Collecting garbage frees what nobody needs, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.registry.samples import RUNTIME, artifact
from zcc.registry import Registry
from zcc.registry.garbage import Spared
from zcc.runtime.errors import RegistryError


def _used(home: Path) -> int:
    """Bytes on disk, each inode once."""
    stats = {path.stat().st_ino: path.stat() for path in home.rglob("*") if path.is_file()}
    return sum(stat.st_size for stat in stats.values())


def test_it_frees_what_it_says_and_keeps_what_is_shared(home: Path, tmp_path: Path) -> None:
    registry = Registry.open(home)
    kept = registry.publish(*artifact(tmp_path / "a"))
    dropped = registry.publish(*artifact(tmp_path / "b", seed=1))
    registry.remove(dropped.digest)
    before = _used(home)
    planned = registry.gc(dry_run=True)
    assert _used(home) == before and dropped.folder.exists()
    freed = registry.gc()
    assert freed == planned
    assert before - _used(home) == freed.bytes > 20_000
    assert (kept.folder / "libtvm_runtime.so.gz").read_bytes() == RUNTIME
    assert registry.verify().problems == ()
    assert registry.gc().bytes == 0


def test_a_removed_artifact_can_be_published_again(home: Path, tmp_path: Path) -> None:
    registry = Registry.open(home)
    for collect in (False, True):
        found = registry.publish(*artifact(tmp_path / "a"))
        registry.remove(found.digest)
        if collect:
            registry.gc()
    registry.publish(*artifact(tmp_path / "a"))
    assert registry.verify().problems == ()


def test_a_grace_spares_what_is_young(home: Path, tmp_path: Path) -> None:
    registry = Registry.open(home)
    registry.remove(registry.publish(*artifact(tmp_path / "a")).digest)
    assert registry.gc(Spared(grace=3600)).bytes == 0
    assert registry.gc().bytes > 0


def test_it_never_touches_the_files_of_another_index(home: Path, tmp_path: Path) -> None:
    found = Registry.open(home).publish(*artifact(tmp_path / "a"))
    elsewhere = f"sqlite:///{tmp_path}/other.sqlite?files={home}"
    with pytest.raises(RegistryError, match="is gone, but"):
        Registry.open(elsewhere).publish(*artifact(tmp_path / "b", seed=1))
    Registry.open(tmp_path / "other").publish(*artifact(tmp_path / "b", seed=1))
    (home / "index.sqlite").rename(tmp_path / "kept.sqlite")
    with pytest.raises(RegistryError, match="is gone, but"):
        Registry.open(home).gc()
    (home / "index.sqlite").write_bytes((tmp_path / "other" / "index.sqlite").read_bytes())
    with pytest.raises(RegistryError, match="another index"):
        Registry.open(home).gc()
    assert found.folder.exists()


def test_it_never_touches_a_folder_that_is_no_registry(tmp_path: Path) -> None:
    precious = [
        tmp_path / "artifacts" / ("ab" * 32) / "thesis.tex",
        tmp_path / "staging" / "x",
        tmp_path / "files/sha256/ab/c",
    ]
    for path in precious:
        path.parent.mkdir(parents=True)
        path.write_text("years of work")
    Registry.open(tmp_path).gc()
    assert all(path.exists() for path in precious)


def test_it_leaves_what_people_put_beside_the_artifacts(home: Path, tmp_path: Path) -> None:
    registry = Registry.open(home)
    found = registry.publish(*artifact(tmp_path / "a"))
    copied = shutil.copytree(found.folder, found.folder.with_name("my-copy"))
    registry.gc()
    assert Path(copied).is_dir()
