"""The index from the artifacts' folders: what comes back, what does not, and what is never touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.runtime.errors import CorruptArtifact, RegistryError, Unavailable, UsageError
from zcc.runtime.manifest import Measurement


@pytest.fixture
def filled(home: Path, tmp_path: Path) -> Registry:
    """Two builds of a name, a tag on the older one, and one artifact that was removed."""
    registry = Registry.open(home)
    registry.publish(*artifact(tmp_path / "b", seed=1, created="2026-11-22T10:00:00+00:00"))
    registry.publish(*artifact(tmp_path / "a", created="2026-11-21T10:00:00+00:00"), tags=["prod"])
    registry.remove(registry.publish(*artifact(tmp_path / "gone", "gone", seed=2)).digest)
    return registry


USES: tuple[Callable[[Registry], object], ...] = (
    lambda registry: registry.artifacts(),
    lambda registry: registry.listed(),
    lambda registry: registry.find("yolo"),
    lambda registry: registry.verify(),
    lambda registry: registry.gc(),
    lambda registry: registry.tag("yolo", "x"),
    lambda registry: registry.index_problems(),
)


@pytest.mark.parametrize("lose", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_an_index_that_is_gone_is_no_empty_registry(
    filled: Registry, home: Path, tmp_path: Path, lose: Callable[[Path], object]
) -> None:
    lose(home / "index.sqlite")
    publish = [lambda registry: registry.publish(*artifact(tmp_path / "c", seed=3))]
    for use in (*USES, *publish):
        with pytest.raises(Unavailable, match=r"is gone, but .*zcc reindex"):
            use(Registry.open(home))
    assert len(list((home / "artifacts").iterdir())) == 3


def test_what_lies_whole_in_its_folder_comes_back(filled: Registry, home: Path) -> None:
    (home / "index.sqlite").unlink()
    rebuilt = Registry.open(home).reindex()
    assert [manifest.name for manifest in rebuilt.taken] == ["gone", "yolo", "yolo"]
    assert "tags" in rebuilt.lost and rebuilt.left == ()
    registry = Registry.open(home)
    assert registry.verify().ok and registry.gc().bytes == 0
    assert registry.resolve("yolo").manifest.created.startswith("2026-11-22"), "the latest built is the last published"
    assert {found.origin for found in registry.artifacts()} == {"reindex"}
    assert registry.reindex().taken == ()


def test_an_older_index_gets_what_it_does_not_know_and_keeps_the_rest(
    filled: Registry, home: Path, tmp_path: Path
) -> None:
    older = (home / "index.sqlite").read_bytes()
    newer = filled.publish(*artifact(tmp_path / "c", seed=3))
    (home / "index.sqlite").write_bytes(older)
    assert [manifest.digest for manifest in filled.reindex().taken] == [newer.digest]
    assert filled.verify().ok
    assert filled.resolve("yolo:prod").manifest.created.startswith("2026-11-21")
    assert [found.manifest.name for found in filled.artifacts()] == ["yolo"] * 3, "what was removed stays so"


def test_a_damaged_index_is_put_aside_when_told(filled: Registry, home: Path) -> None:
    index = home / "index.sqlite"
    damaged = b"SQLite format 3\0" + index.read_bytes()[16:4096]
    index.write_bytes(damaged)
    with pytest.raises(RegistryError):
        Registry.open(home).reindex()
    rebuilt = Registry.open(home).reindex(anew=True)
    assert rebuilt.put_aside == home / "index.sqlite.damaged" and rebuilt.put_aside.read_bytes() == damaged
    assert len(rebuilt.taken) == 3 and Registry.open(home).verify().ok
    assert Registry.open(home).reindex(anew=True).put_aside == home / "index.sqlite.damaged1"


def test_a_damaged_row_is_mended_from_its_folder(filled: Registry, home: Path) -> None:
    found = filled.resolve("yolo:prod")
    filled.record_measurement(found.digest, Measurement("map50_95", 0.5, "COCO"))
    with sqlite3.connect(home / "index.sqlite") as index:
        index.execute("UPDATE artifacts SET manifest = '{}' WHERE digest = ?", (found.digest,))
    with pytest.raises(CorruptArtifact, match="reindex"):
        filled.find("yolo")
    rebuilt = filled.reindex()
    assert [manifest.digest for manifest in rebuilt.mended] == [found.digest] and rebuilt.taken == ()
    again = filled.resolve("yolo:prod")
    assert (again.manifest, again.figure("map50_95")) == (found.manifest, 0.5)
    assert filled.verify().ok


def test_what_is_not_whole_is_left_and_told(filled: Registry, home: Path) -> None:
    first, second = filled.artifacts()
    (home / "index.sqlite").unlink()
    meta = first.folder / "meta.json"
    meta.chmod(0o644)
    meta.write_text(meta.read_text().replace("fp32", "int8"))
    weights = second.folder / "weights.bin"
    weights.chmod(0o644)
    weights.write_bytes(b"other")
    rebuilt = Registry.open(home).reindex()
    assert [manifest.name for manifest in rebuilt.taken] == ["gone"]
    told = {left.path: left.why for left in rebuilt.left}
    assert "another meta.json than its name says" in told[first.folder]
    assert "weights.bin" in told[second.folder]
    assert first.folder.exists() and second.folder.exists()
    assert len(Registry.open(home).gc().orphans) == 2 and first.folder.exists()


def test_a_damaged_stored_file_is_made_whole_from_the_folders(home: Path, tmp_path: Path) -> None:
    """Without hard links both would not be damaged at once; here the stored one is replaced by another file."""
    found = Registry.open(home).publish(*artifact(tmp_path / "a"))
    [entry] = [entry for entry in found.manifest.files if entry.path == "weights.bin"]
    stored = home / "files" / "sha256" / entry.sha256[:2] / entry.sha256[2:]
    stored.unlink()
    stored.write_bytes(b"damaged")
    (home / "index.sqlite").unlink()
    assert len(Registry.open(home).reindex().taken) == 1
    assert Registry.open(home).verify().ok


def test_the_files_of_another_index_are_taken_over_only_when_told(filled: Registry, home: Path, tmp_path: Path) -> None:
    other = Registry.open(tmp_path / "other")
    other.publish(*artifact(tmp_path / "d", "other", seed=5))
    (home / "index.sqlite").write_bytes((tmp_path / "other" / "index.sqlite").read_bytes())
    registry = Registry.open(home)
    with pytest.raises(RegistryError, match="--adopt"):
        registry.reindex()
    assert len(registry.reindex(adopt=True).taken) == 3
    registry.gc()
    assert len([name for name in registry.artifacts() if name.folder.is_dir()]) == 3


def test_a_database_on_a_server_is_rebuilt_in_place(registry: Registry, tmp_path: Path) -> None:
    found = registry.publish(*artifact(tmp_path / "a"))
    with registry._index.writing() as changed:
        for table in ("summaries", "artifacts"):
            changed.do(f"DELETE FROM {table}")
    assert [orphan.digest for orphan in registry.verify().orphans] == [found.digest]
    assert registry.gc().orphans == (found.digest,)
    assert len(registry.reindex().taken) == 1 and registry.verify().ok
    if registry._index.location.database is None:
        with pytest.raises(UsageError, match="put aside"):
            registry.reindex(anew=True)
