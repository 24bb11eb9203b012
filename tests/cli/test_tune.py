"""zcc tune, and zcc compile --tune: what they print, what they refuse, and that records travel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import onnx
import pytest

from tests.cli.process import call_zcc, run_zcc
from tests.compiler.bare_heads import distributed
from zcc.commands.main import cli, describe_error
from zcc.compiler.backends.cpu.targets.x86_64 import LEVEL_3
from zcc.runtime import host
from zcc.runtime.errors import ZccError

TRIALS = 8


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    onnx.save(distributed(3, (128, 128)), path)
    return path


@pytest.fixture(scope="module")
def tuned(model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A registry's home after a short search, and the document that the search printed."""
    home = tmp_path_factory.mktemp("tuned")
    done = run_zcc("tune", model, "--dtype", "fp32", "--trials", str(TRIALS), "--json", "--registry", home)
    assert done.returncode == 0, done.stderr
    return home, json.loads(done.stdout)


def document(*arguments: str | Path) -> Any:
    """What a command prints with --json."""
    done = call_zcc(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_search_tells_what_it_tried(tuned: tuple[Path, list[dict[str, Any]]]) -> None:
    _, [told] = tuned
    assert 0 < told["tried"] <= TRIALS
    assert told["failed"] == 0
    assert told["left"] > 0
    assert 0 < told["best_ms"] <= told["default_ms"]
    known = [kernel for kernel in told["kernels"] if kernel["best"]]
    assert known
    assert all(kernel["choices"] > kernel["left"] >= 0 and kernel["best_ms"] > 0 for kernel in known)


def test_records_are_counted_and_travel(tuned: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> None:
    home, [told] = tuned
    [mine] = [each for each in document("tune", "--stats", "--registry", home) if each["whose"] == "yours"]
    assert mine["forms"] == told["tried"]
    assert mine["target"].startswith(told["target"])
    exported = tmp_path / "exported"
    [written] = document("tune", "--export", exported, "--registry", home)
    assert written["kernels"] == written["forms"] == mine["kernels"]
    other = tmp_path / "other"
    [imported] = [
        each for each in document("tune", "--import", exported, "--registry", other) if each["whose"] == "yours"
    ]
    assert (imported["kernels"], imported["forms"]) == (mine["kernels"], mine["kernels"])
    again = call_zcc("tune", "--export", tmp_path / "again", "--registry", other)
    assert again.returncode == 0, again.stderr
    assert mine["target"] in again.stdout
    files = [sorted(folder.rglob("*.json")) for folder in (exported, tmp_path / "again")]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]


def test_a_compile_searches_first_and_takes_what_it_found(model: Path, tmp_path: Path) -> None:
    arguments = ("compile", model, "--dtype", "fp32", "--tune", "--trials", "4", "--registry", tmp_path)
    done = run_zcc(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["tuning_digest"]
    assert made["kernels"]["choices"]["tuned"] > 0
    assert made["kernels"]["choices"]["default"] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "give either a MODEL to tune, or one of --stats, --export and --import"),
        (("MODEL", "--stats"), 2, "give either a MODEL"),
        (("--stats", "--export", "out"), 2, "give either a MODEL"),
        (("MODEL", "--budget", "soon"), 2, "'soon' is not a time; write 90s, 10m or 1h"),
        (("MODEL", "--budget", "0"), 2, "is not a time"),
        (("MODEL", "--trials", "0"), 2, "0"),
        (("MODEL", "--runner", "here"), 2, "write rpc://TRACKER:PORT/KEY"),
        (("MODEL", "--runner", "rpc://127.0.0.1:1/here"), 1, "no tracker answers at 127.0.0.1:1"),
        (("MODEL", "--target", "toaster"), 2, "toaster"),
        (("absent.onnx",), 1, "absent.onnx"),
        (("--export", "out"), 1, "tune a model first"),
        (("--import", "."), 1, "name a folder that `zcc tune --export` wrote"),
        (("--import", "absent"), 2, "absent"),
    ],
)
def test_wrong_input_is_one_line(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], code: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(["tune", *(str(model) if each == "MODEL" else each for each in arguments)], code, words)


def test_kernels_for_another_machine_cannot_be_timed_here(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(host, "cpu_features", lambda: frozenset(LEVEL_3))
    refusal = "kernels for x86-64-v4 cannot be timed on this machine"
    assert_refused(["tune", str(model), "--target", "x86-64-v4"], 2, refusal)


def test_limits_of_a_search_that_is_not_asked_for_are_refused(model: Path) -> None:
    assert_refused(["compile", str(model), "--trials", "4"], 2, "--tune")


def assert_refused(arguments: Sequence[str], code: int, words: str) -> None:
    with pytest.raises((ZccError, click.ClickException)) as caught:
        cli.main([*arguments, "--registry", "registry"], standalone_mode=False)
    line, ended = describe_error(caught.value)
    assert words in line
    assert ended == code
    assert len(line.splitlines()) == 1
