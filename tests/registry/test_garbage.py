"""Collecting garbage frees what nobody needs, and nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.registry.samples import RUNTIME, artifact
from zcc.registry import Registry
from zcc.registry.garbage import Spared
from zcc.registry.tree import Tree
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


def _held(home: Path) -> set[Path]:
    return {path for path in home.rglob("*") if path.is_file() and "locks" not in path.parts}


def test_a_damaged_index_is_not_believed(home: Path, tmp_path: Path) -> None:
    """A byte of a row, a byte of a key, and two pages where the other was: each once made gc delete live artifacts."""
    registry = Registry.open(home)
    for seed in range(6):
        registry.publish(*artifact(tmp_path / str(seed), seed=seed), tags=["prod"])
    index = home / "index.sqlite"
    whole, before = index.read_bytes(), _held(home)
    digest = registry.artifacts()[0].digest.encode()
    places = [start for start in range(len(whole)) if whole.startswith(digest, start)]
    damaged = [whole[: place + 9] + b"#" + whole[place + 10 :] for place in places]
    pages = [whole[start : start + 4096] for start in range(0, len(whole), 4096)]
    full = [number for number, page in enumerate(pages) if b"sha256:" in page]
    pages[full[0]], pages[full[-1]] = pages[full[-1]], pages[full[0]]
    for content in (*damaged, b"".join(pages)):
        index.write_bytes(content)
        with pytest.raises(RegistryError) as caught:
            Registry.open(home).gc()
        assert "zcc reindex" in str(caught.value)
        assert _held(home) == before
    index.write_bytes(whole)
    assert Registry.open(home).gc().bytes == 0


def test_what_an_older_index_does_not_know_is_kept_and_named(home: Path, tmp_path: Path) -> None:
    registry, index = Registry.open(home), home / "index.sqlite"
    registry.publish(*artifact(tmp_path / "a"))
    older = index.read_bytes()
    newer = registry.publish(*artifact(tmp_path / "b", "newer", seed=1))
    index.write_bytes(older)
    report, before = registry.verify(), _held(home)
    assert not report.ok and report.problems == ()
    assert [orphan.digest for orphan in report.orphans] == [newer.digest]
    assert "newer fp32 x86-64-v4 is not in the index" in report.orphans[0].what
    freed = registry.gc()
    assert (freed.bytes, freed.orphans) == (0, (newer.digest,))
    young = registry.gc(Spared(orphans=False))
    assert (young.bytes, young.orphans, _held(home)) == (0, (newer.digest,), before), "it is younger than a week"
    told = registry.gc(Spared(orphans=False, orphan_days=0))
    assert told.bytes > 20_000 and told.orphans == () and not newer.folder.exists()
    assert registry.verify().ok


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder of somebody's, with files that are named as the registry names its own."""
    folder = tmp_path / "precious"
    for name in ("thesis.tex", "ab" * 31, "meta.json", f"12-{'0' * 16}"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("years of work")
    return folder


@pytest.mark.parametrize(
    "place",
    [
        f"files/sha256/{'00'}",
        f"files/sha256/00/{'1' * 62}",
        f"artifacts/{'ab' * 32}",
        f"staging/77-{'a' * 16}",
        f"staging/77-{'b' * 16}/inside",
        "staging",
        "artifacts",
        "files/sha256",
        "files",
    ],
)
def test_no_link_is_followed(home: Path, tmp_path: Path, precious: Path, place: str) -> None:
    registry = Registry.open(home)
    registry.remove(registry.publish(*artifact(tmp_path / "a")).digest)
    link = home / place
    if link.is_dir():
        link.rename(tmp_path / "moved away")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(precious)
    told = registry.gc(Spared(orphans=False, orphan_days=0))
    assert len([path for path in precious.iterdir() if path.read_text() == "years of work"]) == 4
    assert link.is_symlink()
    assert any("symbolic link" in stray.what for stray in told.strays)
    assert any(stray.path == link or stray.path in link.parents for stray in told.strays)


def test_a_removed_artifact_that_holds_a_link_is_left_whole(home: Path, tmp_path: Path, precious: Path) -> None:
    registry = Registry.open(home)
    found = registry.publish(*artifact(tmp_path / "a"))
    registry.remove(found.digest)
    (found.folder / "more").symlink_to(precious)
    told = registry.gc()
    assert [stray.path for stray in told.strays] == [found.folder] and "'more'" in told.strays[0].what
    assert (
        sorted(path.name for path in found.folder.iterdir())[-1] == "weights.bin" and len(list(precious.iterdir())) == 4
    )


def test_a_folder_that_becomes_a_link_meanwhile_is_not_followed(home: Path, tmp_path: Path, precious: Path) -> None:
    registry = Registry.open(home)
    found = registry.publish(*artifact(tmp_path / "a"))
    tree = Tree(home)
    item = tree.survey().artifacts[found.digest]
    found.folder.rename(tmp_path / "moved away")
    found.folder.symlink_to(precious)
    tree.remove(item)
    assert len(list(precious.iterdir())) == 4 and not found.folder.is_symlink()


def test_what_is_not_the_registrys_is_left_and_named(home: Path, tmp_path: Path) -> None:
    registry = Registry.open(home)
    registry.publish(*artifact(tmp_path / "a"))
    (home / "staging" / "notes.txt").write_text("mine")
    os.mkfifo(home / "staging" / f"5-{'0' * 16}")
    (home / "files" / "sha256" / "0f").mkdir(exist_ok=True)
    (home / "files" / "sha256" / "0f" / "short").write_text("mine")
    told = registry.gc()
    assert {stray.path.name for stray in told.strays} == {"notes.txt", f"5-{'0' * 16}", "short"}
    assert all(stray.path.exists() for stray in told.strays)
    assert registry.verify().ok and len(registry.verify().strays) == 3


def test_a_link_to_a_registry_is_one(home: Path, tmp_path: Path) -> None:
    Registry.open(home).publish(*artifact(tmp_path / "a"))
    (tmp_path / "link").symlink_to(home)
    registry = Registry.open(tmp_path / "link")
    registry.remove("yolo")
    assert registry.gc().bytes > 20_000
