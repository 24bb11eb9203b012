"""Indexes that are not what they should be: one clear error each, and the file is left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.listing import ListFilter
from zcc.runtime.errors import CorruptArtifact, CorruptIndex, NotFound, RegistryError, Unavailable, UsageError


def _index(home: Path, content: bytes) -> Path:
    home.mkdir()
    path = home / "index.sqlite"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + bytes(200), b"x"])
def test_a_file_that_is_no_database(home: Path, tmp_path: Path, content: bytes) -> None:
    path = _index(home, content)
    for use in (
        lambda r: r.artifacts(),
        lambda r: r.tag("a", "b"),
        lambda r: r.publish(*artifact(tmp_path / "a")),
    ):
        with pytest.raises(Unavailable) as caught:
            use(Registry.open(home))
        assert "index.sqlite" in str(caught.value) and "\n" not in str(caught.value)
    assert path.read_bytes() == content
    assert sorted(entry.name for entry in home.iterdir()) == ["index.sqlite"]


def test_a_truncated_index(home: Path, tmp_path: Path) -> None:
    Registry.open(home).publish(*artifact(tmp_path / "a"))
    path = home / "index.sqlite"
    whole = path.read_bytes()
    for length in (512, *range(4096, len(whole), 4096)):
        path.write_bytes(whole[:length])
        registry = Registry.open(home)
        try:
            damage = registry.verify().problems
        except Unavailable as error:
            assert "malformed" in str(error) or "not a database" in str(error)
        else:
            assert damage


def test_an_empty_file_becomes_an_index(home: Path, tmp_path: Path) -> None:
    _index(home, b"")
    assert Registry.open(home).artifacts() == []
    Registry.open(home).publish(*artifact(tmp_path / "a"))
    assert len(Registry.open(home).artifacts()) == 1


def test_a_database_of_something_else(home: Path) -> None:
    home.mkdir()
    with sqlite3.connect(home / "index.sqlite") as other:
        other.execute("CREATE TABLE customers (id INTEGER)")
    with pytest.raises(RegistryError, match="something else"):
        Registry.open(home).artifacts()


def test_a_manifest_that_was_changed_in_the_index(home: Path, tmp_path: Path) -> None:
    registry = Registry.open(home)
    found = registry.publish(*artifact(tmp_path / "a"))
    with sqlite3.connect(home / "index.sqlite") as index:
        index.execute("UPDATE artifacts SET manifest = replace(manifest, 'fp32', 'int8')")
    with pytest.raises(CorruptArtifact, match="changed manifest"):
        registry.artifacts()
    (problem,) = registry.verify().problems
    assert problem.digest == found.digest
    with pytest.raises(CorruptIndex, match="changed manifest"):
        registry.gc()
    assert found.folder.exists(), "what cannot be understood is not garbage"


def test_a_server_that_does_not_answer(home: Path) -> None:
    pytest.importorskip("psycopg")
    place = f"postgresql://somebody:secret@127.0.0.1:1/zcc?files={home}"
    with pytest.raises(Unavailable, match="check that the server runs") as caught:
        Registry.open(place).artifacts()
    assert "secret" not in str(caught.value)


def test_a_database_without_a_driver(home: Path) -> None:
    with pytest.raises((Unavailable, UsageError), match="driver"):
        Registry.open(f"nodb://host/zcc?files={home}").artifacts()


def test_text_that_no_driver_can_read_is_damage(home: Path, tmp_path: Path) -> None:
    """In the names of the schema's own tables, of which SQLite tells in its error."""
    Registry.open(home).publish(*artifact(tmp_path / "a"))
    index = home / "index.sqlite"
    whole = index.read_bytes()
    for word in (b"CREATE TABLE artifacts", b"tableartifacts", b"tableregistry"):
        place = whole.index(word) + len(word) - 3
        index.write_bytes(whole[:place] + b"\xf0\x28\x8c" + whole[place + 3 :])
        with pytest.raises(RegistryError) as caught:
            Registry.open(home).artifacts()
        assert "index.sqlite" in str(caught.value) and caught.value.remedy


def test_a_name_that_is_no_text_is_no_reason_not_to_tell_the_others(home: Path, tmp_path: Path) -> None:
    registry = Registry.open(home)
    for name in ("disc", "star"):
        registry.publish(*artifact(tmp_path / name, name))
    registry.remove(registry.publish(*artifact(tmp_path / "gone", "gone")).digest)
    with sqlite3.connect(home / "index.sqlite") as index:
        index.execute("UPDATE artifacts SET name = x'ff' WHERE name = 'disc'")
    with pytest.raises(NotFound, match="did you mean star"):
        registry.find("stars")
    with sqlite3.connect(home / "index.sqlite") as index:
        index.execute("UPDATE artifacts SET digest = x'fe' WHERE name = 'star'")
        index.execute("INSERT INTO removed SELECT x'fe', moved FROM removed")
        index.execute("INSERT INTO removed SELECT 'sha256:x', moved FROM removed LIMIT 1")
    with pytest.raises(CorruptIndex):
        registry.gc()


def test_an_artifact_that_no_query_finds_by_its_digest_is_told(home: Path, tmp_path: Path) -> None:
    """Another digest in the pages that SQLite looks digests up in, while the table has the right one."""
    registry = Registry.open(home)
    lost = registry.publish(*artifact(tmp_path / "a"))
    kept = registry.publish(*artifact(tmp_path / "b", seed=1))
    with sqlite3.connect(home / "index.sqlite") as index:
        [(page,)] = index.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_artifacts_1'")
        [(size,)] = index.execute("PRAGMA page_size")
    with (home / "index.sqlite").open("r+b") as file:
        file.seek((page - 1) * size)
        looked_up = file.read(size)
        file.seek((page - 1) * size)
        file.write(looked_up.replace(lost.digest.encode(), b"sha256:" + 64 * b"0"))
    shown = registry.browse(ListFilter())
    assert [each.digest for each in shown.artifacts] == [kept.digest]
    [told] = shown.unreadable
    assert lost.digest[:20] in told.digest and "changed manifest" in told.why


def test_a_row_without_a_digest_spoils_its_own_line_alone(home: Path, tmp_path: Path) -> None:
    registry = Registry.open(home)
    registry.publish(*artifact(tmp_path / "a", "disc"))
    kept = registry.publish(*artifact(tmp_path / "b", "star"))
    with sqlite3.connect(home / "index.sqlite") as index:
        index.execute("PRAGMA writable_schema = ON")
        index.execute("UPDATE sqlite_master SET sql = REPLACE(sql, 'NOT NULL', '') WHERE name = 'artifacts'")
    with sqlite3.connect(home / "index.sqlite") as index:
        index.execute("UPDATE artifacts SET digest = NULL WHERE name = 'disc'")
    report = registry.verify()
    assert report.artifacts == 1 and any("damaged row for None" in each.what for each in report.problems)
    shown = registry.browse(ListFilter())
    assert [each.digest for each in shown.artifacts] == [kept.digest] and len(shown.unreadable) == 1
