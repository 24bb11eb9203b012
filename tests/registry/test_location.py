"""Where a registry is, by path, URL and environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.location import locate
from zcc.registry.source import open_source
from zcc.runtime.errors import UsageError


def test_without_a_place_it_is_the_environment_then_artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ZCC_REGISTRY", raising=False)
    assert locate().home == tmp_path / "artifacts"
    monkeypatch.setenv("ZCC_REGISTRY", "")
    assert locate().home == tmp_path / "artifacts"
    monkeypatch.setenv("ZCC_REGISTRY", str(tmp_path / "elsewhere"))
    assert locate().home == tmp_path / "elsewhere"


def test_files_lie_beside_an_sqlite_index_unless_told(tmp_path: Path) -> None:
    assert locate(f"sqlite:///{tmp_path}/x.db").home == tmp_path
    assert locate(f"sqlite:///{tmp_path}/x.db?files={tmp_path}/y").home == tmp_path / "y"


@pytest.mark.parametrize("name", ["with space", "perc%ent", "ques?tion", "hash#", "ümlaut", "am&p=1", "%20"])
def test_any_folder_name_works(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    Registry.open(home).publish(*artifact(tmp_path / "a"))
    assert (home / "index.sqlite").is_file()
    assert [path.name for path in tmp_path.iterdir() if path.name != "a"] == [name]
    [found] = open_source(str(home)).variants("yolo")
    assert (found.folder / "model.so").is_file() and found.manifest.name == "yolo"


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("postgresql://me:secret@host/zcc", "where the files lie"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("://x", "cannot be read"),
        ("postgresql://host:port/x", "cannot be read"),
    ],
)
def test_a_url_that_says_too_little_is_wrong_usage(place: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        locate(place)
    assert "secret" not in str(caught.value)


def test_a_file_is_not_a_registry(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        locate(str(tmp_path / "file"))
