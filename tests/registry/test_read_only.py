"""A registry that cannot be written can be read, and says so when asked to write."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry.powers import obey_modes
from tests.registry.samples import artifact
from zcc.registry import Registry


@pytest.fixture
def read_only(home: Path, tmp_path: Path) -> Iterator[Path]:
    """A registry with one artifact, without any right to write."""
    Registry.open(home).publish(*artifact(tmp_path / "a"), tags=["prod"])
    paths = [home, *home.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    yield home
    for path in paths:
        path.chmod(path.stat().st_mode | 0o200)


def _python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        preexec_fn=obey_modes,
        capture_output=True,
        text=True,
        check=False,
    )


def _zcc(*arguments: str) -> subprocess.CompletedProcess[str]:
    return _python("from zcc.commands.main import main; main()", *arguments)


def test_it_can_be_listed_and_verified(read_only: Path) -> None:
    listed = _zcc("list", "--json", "--registry", str(read_only))
    assert json.loads(listed.stdout)[0]["tags"] == ["prod"], listed.stderr
    assert _zcc("verify", "--registry", str(read_only)).returncode == 0


def test_it_can_be_loaded_from(read_only: Path) -> None:
    program = """
import sys
from zcc.registry.source import open_source
[found] = open_source(sys.argv[1]).variants("yolo:prod")
print(found.manifest.name, (found.folder / "weights.bin").stat().st_size)
"""
    assert _python(program, str(read_only)).stdout == "yolo 20000\n"


@pytest.mark.parametrize(
    "command",
    [["tag", "yolo", "new"], ["untag", "yolo:prod"], ["rm", "yolo", "--force"], ["rollback", "yolo:prod"]],
)
def test_changing_it_is_one_clear_error(read_only: Path, command: list[str]) -> None:
    ended = _zcc(*command, "--registry", str(read_only))
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1 and "read-only" in ended.stderr, ended.stderr


def test_publishing_into_it_is_one_clear_error(read_only: Path, tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.runtime.errors import Unavailable
try:
    Registry.open(sys.argv[1]).publish(*artifact(Path(sys.argv[2]), seed=1))
except Unavailable as error:
    print(error)
"""
    assert "read-only" in _python(program, str(read_only), str(tmp_path / "b")).stdout


def test_a_place_that_cannot_be_created_is_one_clear_error(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    assert _zcc("list", "--json", "--registry", str(closed / "new")).stdout == "[]\n"
    ended = _zcc("tag", "yolo", "x", "--registry", str(closed / "new"))
    assert ended.returncode == 1 and "read-only" in ended.stderr and ended.stderr.count("\n") == 1
