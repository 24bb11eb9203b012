"""docs/registry.md: from laptop to fleet, as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli.conftest import Demo, demo  # noqa: F401 - a fixture
from zcc.commands.main import cli

PAGE = Path(__file__).parents[2] / "docs" / "registry.md"
MADE = "zcc demo"  # takes long, and is made once for all tests


def _blocks() -> Iterator[tuple[str, str]]:
    """The blocks of the tutorial and what kind they are."""
    section = PAGE.read_text(encoding="utf-8").split("## From laptop to fleet")[1].split("\n## ")[0]
    yield from re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)


def _commands(block: str) -> Iterator[tuple[list[str], str]]:
    """Each command, and the error that the page says it ends with."""
    for part in block.split("$ ")[1:]:
        command, *told = part.splitlines()
        yield shlex.split(command)[1:], next((line for line in told if line.startswith("error: ")), "")


def test_the_tutorial_runs_as_it_is_written(
    demo: Demo,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("cryptography")
    shutil.copytree(demo.registry, tmp_path / "artifacts")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for variable in ("ZCC_REGISTRY", "ZCC_POLICY"):
        monkeypatch.delenv(variable, raising=False)
    run = 0
    for kind, block in _blocks():
        if kind == "python":
            exec(compile(block, str(PAGE), "exec"), {})
            run += 1
        for command, error in _commands(block) if kind == "console" else ():
            if command == MADE.split()[1:]:
                continue
            done = CliRunner().invoke(cli, command)
            assert (done.exit_code != 0) == bool(error), (command, done.output)
            assert all(word in done.output for word in re.split("…", error)[1:2]), (command, done.output)
            run += 1
    assert run > 10
