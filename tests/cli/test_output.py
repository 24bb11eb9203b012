"""Nothing that comes from a file reaches a terminal raw, by any command; JSON carries the values as they are."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.conftest import Tiny
from tests.registry.samples import artifact
from zcc.commands import output
from zcc.commands.main import cli
from zcc.registry import Registry
from zcc.runtime.manifest import BuildStage, HeadInfo, InputSpec, Manifest, Measurement, Requirements

EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\x7f\u202e\u2066evil\r\nerror: forged\x85\u2028[red]x[/red]"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def zcc(*arguments: str | Path) -> Result:
    """Run a command here, as on a terminal that takes colours."""
    return CliRunner().invoke(cli, list(map(str, arguments)))


def assert_clean(done: Result) -> None:
    """Nothing raw, and of what failed one line."""
    assert not RAW.search(done.stdout + done.stderr), (done.stdout, done.stderr)
    assert "\nerror: forged" not in f"\n{done.stdout}\n{done.stderr}"
    assert done.exit_code == 0 or len(done.stderr.splitlines()) == 1, done.stderr


def hostile(manifest: Manifest) -> Manifest:
    """The manifest with the worst in every text that is not a name in the registry."""
    return replace(
        manifest,
        dtype=EVIL,
        target=EVIL,
        input=InputSpec(640, 640, EVIL, EVIL),
        head=HeadInfo(EVIL, (1, 10, 8400), 8400, 2, 300),
        classes=(EVIL, f"b{EVIL}"),
        requires=Requirements(EVIL, EVIL, (EVIL,), EVIL),
        created=EVIL,
        versions={EVIL: EVIL},
        model_sha256=EVIL,
        calibration_digest=EVIL,
        precision={EVIL: {EVIL: [EVIL]}},
        kernels={EVIL: EVIL, "calls": [{EVIL: EVIL}]},
        stages=(BuildStage(EVIL, 1.0, 2.0),),
        measured=(Measurement(EVIL, 1.0, EVIL), Measurement("latency_ms", 1.0, EVIL)),
    )


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A registry that holds such a manifest: published as if the rules for manifests had let it through."""
    for place in ("zcc.runtime.manifest.check_manifest", "zcc.runtime.manifest.check_figure"):
        monkeypatch.setattr(place, lambda *_: None)
    folder, manifest = artifact(tmp_path / "source")
    Registry.open(tmp_path / "registry").publish(folder, hostile(manifest), tags=["prod"])
    return str(tmp_path / "registry")


COMMANDS = (
    *("list", "show yolo", "history yolo", "tag yolo best", "untag yolo:prod", "rollback yolo:prod", "verify"),
    *("gc", "gc --dry-run", "export yolo OUT", "import OUT", "run yolo --explain", "run yolo PICTURE", "profile yolo"),
    *("bench yolo", "eval yolo --data PICTURE", "compare yolo yolo --data PICTURE", "adapt yolo --data PICTURE"),
    "rm yolo --force",
)


def test_every_command_escapes_what_a_manifest_says(registry: str, tmp_path: Path) -> None:
    words = {"OUT": str(tmp_path / "out.zcc"), "PICTURE": str(Path(__file__))}
    for command in COMMANDS:
        done = zcc(*(words.get(word, word) for word in command.split()), "--registry", registry)
        assert_clean(done)
        assert "unexpected" not in done.stderr, (command, done.stderr)


def test_json_is_json_and_carries_the_values_as_they_are(registry: str) -> None:
    for command in ("list", "show yolo", "run yolo --explain"):
        done = zcc(*command.split(), "--json", "--registry", registry)
        assert_clean(done)
        assert EVIL in _texts(json.loads(done.stdout))


def _texts(document: Any) -> set[str]:
    if isinstance(document, dict):
        return {text for item in document.items() for each in item for text in _texts(each)}
    if isinstance(document, list):
        return {text for each in document for text in _texts(each)}
    return {document} if isinstance(document, str) else set()


@pytest.mark.parametrize(
    "command",
    [
        *(["EVIL"], ["list", "EVIL"], ["show", "EVIL"], ["run", "EVIL", "FILE"], ["run", "x", "EVIL"]),
        *(["import", "FILE"], ["import", "EVIL"], ["compile", "FILE"], ["compile", "EVIL"], ["--EVIL"]),
        *(["tag", "yolo", "EVIL"], ["history", "EVIL"], ["list", "--registry", "EVIL"], ["--debug", "show", "EVIL"]),
        ["completion", "EVIL"],
    ],
    ids=" ".join,
)
def test_arguments_and_names_of_files_are_told_escaped(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / EVIL.replace("/", "_")).write_bytes(b"neither a model nor a bundle")
    given = [word.replace("EVIL", EVIL).replace("FILE", EVIL.replace("/", "_")) for word in command]
    done = zcc(*given)
    assert done.exit_code in (1, 2) or command[0] == "list"
    assert not RAW.search(done.stdout + done.stderr), (done.stdout, done.stderr)


def test_pictures_and_what_is_saved_are_named_escaped(tiny_artifact: Tiny, tmp_path: Path) -> None:
    from zcc import sample

    picture = tmp_path / f"{EVIL.replace('/', '_')}.jpg"
    picture.write_bytes(sample.IMAGES[0].read_bytes())
    place = "--registry", str(tiny_artifact.home)
    assert_clean(zcc("run", "tiny", picture, "--save", tmp_path / "out", "--conf", "0.0", *place))
    done = zcc("run", "tiny", picture, "--json", *place)
    assert json.loads(done.stdout)["images"][0]["image"] == str(picture)


def test_numbers_that_json_does_not_have_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"a": [float("nan"), 1.5], "b": float("-inf"), "c": "\x7f\U000e0041\ud800"})
    text = capsys.readouterr().out
    found = json.loads(text, parse_constant=pytest.fail)
    assert found == {"a": [None, 1.5], "b": None, "c": "\x7f\U000e0041\ud800"}
    assert not RAW.search(text)
