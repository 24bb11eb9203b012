"""zcc describe: a line about an artifact."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from tests.registry.samples import artifact
from zcc.commands.main import cli
from zcc.registry import Registry


def zcc(home: Path, *arguments: str) -> Result:
    """A command in this process."""
    return CliRunner().invoke(cli, [*arguments, "--registry", str(home)])


def test_what_was_said_last_is_shown_and_can_be_taken_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    registry = Registry.open(home)
    for seed, dtype in enumerate(("fp32", "int8")):
        registry.publish(*artifact(tmp_path / dtype, dtype=dtype, seed=seed))
    assert zcc(home, "describe", "yolo", "--dtype", "int8").stdout == "nobody described yolo int8\n"
    zcc(home, "describe", "yolo", "a first try", "--dtype", "int8")
    done = zcc(home, "describe", "yolo", "for the\nnight\x1b[2J", "--dtype", "int8")
    assert (done.exit_code, done.stdout) == (0, "for the night\\x1b[2J\n"), "one line, and nothing for the terminal"
    assert "about         for the night" in zcc(home, "show", "yolo", "--dtype", "int8").stdout
    assert json.loads(zcc(home, "show", "yolo", "--dtype", "int8", "--json").stdout)["description"].startswith("for")
    assert "description" not in json.loads(zcc(home, "show", "yolo", "--dtype", "fp32", "--json").stdout)
    zcc(home, "describe", "yolo", "", "--dtype", "int8")
    assert "about " not in zcc(home, "show", "yolo", "--dtype", "int8").stdout


def test_what_cannot_be_described_is_one_line(tmp_path: Path) -> None:
    done = zcc(tmp_path / "home", "describe", "yolo", "text")
    assert done.exit_code == 1 and done.stderr.startswith("error: nothing in the registry answers to 'yolo' (searched")
    Registry.open(tmp_path / "home").publish(*artifact(tmp_path / "a"))
    done = zcc(tmp_path / "home", "describe", "yolo", "x" * 1001)
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
