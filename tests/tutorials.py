"""Pages of docs/ whose commands and Python are run as they are written."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli.conftest import Demo
from zcc.commands.main import cli

DOCS = Path(__file__).parents[1] / "docs"
MADE = ["demo"]  # takes long, and is made once for all tests


def follow(text: str, demo: Demo, place: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a text's blocks in a place where `zcc demo` ran: how many commands and pieces of Python there were."""
    shutil.copytree(demo.folder, place, dirs_exist_ok=True)
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    for variable in ("ZCC_REGISTRY", "ZCC_POLICY"):
        monkeypatch.delenv(variable, raising=False)
    run = 0
    for kind, block in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL):
        if kind == "python":
            exec(compile(block, "a page of docs", "exec"), {})
            run += 1
        for command, error in _commands(block) if kind == "console" else ():
            if command != MADE:
                _call(command, error)
                run += 1
    return run


def _commands(block: str) -> Iterator[tuple[list[str], str]]:
    """Each command, and the error that the page says it ends with."""
    for part in block.split("$ ")[1:]:
        command, *told = part.splitlines()
        yield shlex.split(command)[1:], next((line for line in told if line.startswith("error: ")), "")


def _call(command: list[str], error: str) -> None:
    done = CliRunner().invoke(cli, command)
    assert (done.exit_code != 0) == bool(error), (command, done.output)
    assert all(word in done.output for word in re.split("…", error)[1:2]), (command, done.output)
