"""Whether a reference is a path or a name: by its text alone, in every way to load and in every command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli.process import call_zcc
from tests.conftest import Tiny
from zcc.commands.main import cli
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle
from zcc.registry.reference import check_name
from zcc.runtime import Detector
from zcc.runtime.errors import NotFound, UsageError
from zcc.runtime.naming import is_path


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("tiny", False),
        ("tiny:prod", False),
        ("tiny@sha256:0123", False),
        ("v8.1", False),
        ("./tiny", True),
        ("dir/tiny", True),
        ("/dir/tiny", True),
        ("tiny/", True),
        (".", True),
        ("..", True),
        ("cam.zcc", True),
        ("./cam.zcc", True),
        (Path("tiny"), True),
    ],
)
def test_the_text_decides(reference: str | Path, path: bool) -> None:
    assert is_path(reference) is path


def test_no_name_looks_like_the_path_of_a_bundle() -> None:
    with pytest.raises(UsageError, match="marks the path of a bundle"):
        check_name("cam.zcc")


@pytest.fixture
def here(tiny_artifact: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an artifact's folder in it that is called as one of the registry's, and with a bundle."""
    shutil.copytree(tiny_artifact.folder, tmp_path / "tiny")
    shutil.copytree(tiny_artifact.folder, tmp_path / "only-here")
    export_bundle(Registry.open(tiny_artifact.home), ["tiny"], tmp_path / "tiny.zcc")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_a_folder_stands_in_for_nothing(here: Path, tiny_artifact: Tiny) -> None:
    registry = str(tiny_artifact.home)
    (here / "tiny" / "meta.json").unlink()
    (here / "tiny" / "meta.json").write_text("{}")
    assert Detector.load("tiny", registry=registry).manifest.name == "tiny"
    with pytest.raises(NotFound, match=r"write \./only-here"):
        Detector.load("only-here", registry=registry)
    for path in ("./only-here", Path("only-here"), "tiny.zcc", "./tiny.zcc"):
        assert Detector.load(path, registry="/nowhere").manifest.name == "tiny"


@pytest.mark.parametrize(
    "command",
    [
        ("show", "{}"),
        ("show", "{}", "--json"),
        ("run", "{}", "--explain"),
        ("bench", "{}", "--rounds", "1", "--quick", "--frame", "64x64"),
        ("profile", "{}", "--rounds", "1", "--no-limits"),
    ],
)
def test_every_command_takes_paths_alike(here: Path, tiny_artifact: Tiny, command: tuple[str, ...]) -> None:
    for reference, found in (("tiny", True), ("./only-here", True), ("./tiny.zcc", True), ("only-here", False)):
        arguments = [part.format(reference) for part in command]
        done = call_zcc(*arguments, "--registry", tiny_artifact.home)
        assert (done.returncode == 0) is found, (reference, done.stderr)
        assert found or "write ./only-here" in done.stderr


@pytest.mark.parametrize("command", [("tag", "./tiny", "x"), ("rm", "tiny.zcc"), ("export", "./tiny", "out.zcc")])
def test_what_changes_a_registry_takes_names_alone(here: Path, tiny_artifact: Tiny, command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, [*command, "--registry", str(tiny_artifact.home)])
    assert done.exit_code == 2 and "is a path" in done.stderr and "zcc import" in done.stderr
