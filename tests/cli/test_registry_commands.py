"""The registry's commands: what they print, what they change, how they end."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.registry.samples import artifact
from zcc.commands.ages import age
from zcc.commands.main import cli
from zcc.registry import Artifact, Registry
from zcc.runtime import host
from zcc.runtime.manifest import BuildStage, Manifest, Measurement, Requirements

Zcc = Callable[..., Result]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A registry with a new and an old fp32, and an int8 that was measured."""
    registry = Registry.open(tmp_path / "registry")
    registry.publish(*artifact(tmp_path / "old"), tags=["prod"])
    stages = (BuildStage("load and check", 0.5, 120.0), BuildStage("build", 12.25, 900.0))
    registry.publish(*artifact(tmp_path / "new", seed=1, stages=stages))
    small = registry.publish(*artifact(tmp_path / "small", dtype="int8", seed=2))
    registry.record_measurement(small.digest, Measurement("latency_ms", 12.345, "median of 100 frames"))
    registry.record_measurement(small.digest, Measurement("map50_95", 0.80851, "100 scenes"))
    return registry


@pytest.fixture
def zcc(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Zcc:
    """Run a command on that registry; one that fails must do so in one line on stderr."""
    monkeypatch.setenv("ZCC_REGISTRY", str(registry.home))

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(cli, arguments)
        if result.exit_code:
            assert result.stderr.startswith("error: ") == (result.stderr != ""), result.output
            assert result.stderr.count("\n") <= 1
        return result

    return run


def _json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _artifact(registry: Registry, dtype: str) -> Artifact:
    return registry.resolve("yolo", dtype=dtype)


LONG = "a-name-of-a-model-that-is-long"


def _publish_long(registry: Registry, tmp_path: Path) -> None:
    registry.publish(*artifact(tmp_path / "x", name=LONG, target="x86-64-v4+vnni+bf16"))
    for tag in ("a-tag-that-is-long-as-well", "another-one"):
        registry.tag(LONG, tag)


def test_list_is_a_line_for_each_whatever_it_is_called(zcc: Zcc, registry: Registry, tmp_path: Path) -> None:
    _publish_long(registry, tmp_path)
    lines = zcc("list").stdout.splitlines()
    titles = "name tags dtype target input MB mAP ms age digest note"
    assert lines[0].split() == titles.split() and len(lines) == 5
    long = next(line for line in lines if LONG in line)
    assert "a-tag-that-is-long-as-well another-one" in long and "x86-64-v4+vnni+bf16" in long
    old = next(line for line in lines if "prod" in line)
    assert old.endswith("superseded") and sum("superseded" in line for line in lines) == 1
    row = next(line for line in lines if "int8" in line).split()
    assert row[:5] == ["yolo", "int8", "x86-64-v4", "640x640", "0.0"] and row[5:7] == ["0.809", "12.3"]
    assert row[-1] == _artifact(registry, "int8").short[:8]


def test_list_as_json_is_every_manifest_with_tags_and_figures(zcc: Zcc, registry: Registry) -> None:
    listed = _json(zcc("list", "--json"))
    assert [entry["digest"] for entry in listed] == [found.digest for found in registry.artifacts()]
    assert [entry["tags"] for entry in listed] == [[], [], ["prod"]]
    assert {figure["metric"] for figure in listed[0]["measured"]} == {"latency_ms", "map50_95"}
    assert listed == [json.loads(json.dumps(found.describe())) for found in registry.artifacts()]


def test_an_empty_registry_lists_as_nothing(zcc: Zcc, tmp_path: Path) -> None:
    empty = str(tmp_path / "empty")
    assert _json(zcc("list", "--json", "--registry", empty)) == []
    assert "zcc compile" in zcc("list", "--registry", empty).stdout
    assert not Path(empty).exists()


def test_show_tells_everything(zcc: Zcc, registry: Registry) -> None:
    found = registry.artifacts()[1]
    shown = _json(zcc("show", found.digest, "--json"))
    for key in (
        "name",
        "digest",
        "dtype",
        "target",
        "input",
        "head",
        "classes",
        "sizes",
        "created",
        "versions",
    ):
        assert shown[key] is not None
    for key in ("model_sha256", "calibration_digest", "tuning_digest", "measured", "stages", "folder"):
        assert key in shown
    assert Manifest.read(Path(shown["folder"])).digest == shown["digest"]
    text = zcc("show", found.digest, "--full").stdout
    for word in ("yolo", found.digest, "x86-64-v4", "disc, star", "load and check", "12.25", "avx512f"):
        assert word in text
    assert "{" not in text and "[" not in text


def test_a_variant_is_chosen_by_dtype_and_target(zcc: Zcc, registry: Registry) -> None:
    assert _json(zcc("show", "yolo", "--dtype", "int8", "--json"))["dtype"] == "int8"
    assert _json(zcc("show", "yolo", "--dtype", "fp32", "--target", "x86-64-v4", "--json"))["dtype"] == "fp32"
    missing = zcc("show", "yolo", "--dtype", "fp16")
    assert missing.exit_code == 1 and "no variant fp16" in missing.stderr


def test_without_a_choice_it_is_the_best_for_this_machine(zcc: Zcc, registry: Registry, tmp_path: Path) -> None:
    here = Requirements(host.system(), host.architecture(), (), version("apache-tvm"))
    elsewhere = Requirements("plan9", "mips", (), "0.27.0")
    for dtype, requires, latency in (("fp32", here, 9.0), ("bf16", here, 5.0), ("int8", elsewhere, 1.0)):
        figure = Measurement("latency_ms", latency, "median")
        files = artifact(tmp_path / dtype, "net", dtype=dtype, requires=requires, measured=(figure,))
        registry.publish(*files)
    assert _json(zcc("show", "net", "--json"))["dtype"] == "bf16"
    assert _json(zcc("show", "net", "--dtype", "int8", "--json"))["dtype"] == "int8"
    registry.publish(*artifact(tmp_path / "x", "far", requires=elsewhere))
    registry.publish(*artifact(tmp_path / "y", "far", dtype="int8", requires=elsewhere))
    ambiguous = zcc("show", "far")
    assert ambiguous.exit_code == 1 and "could be 2 artifacts" in ambiguous.stderr


def test_tag_history_rollback_untag(zcc: Zcc, registry: Registry) -> None:
    new = _artifact(registry, "fp32")
    moved = _json(zcc("tag", new.short, "prod", "--json"))
    assert (moved["name"], moved["tag"], moved["digests"]) == ("yolo", "prod", [new.digest])
    assert _json(zcc("show", "yolo:prod", "--json"))["digest"] == new.digest
    assert [move["why"] for move in _json(zcc("history", "yolo:prod", "--json"))] == ["tag", "tag"]
    back = _json(zcc("rollback", "yolo:prod", "--json"))
    assert back["digests"] != moved["digests"]
    assert zcc("untag", "yolo", "prod").exit_code == 0
    assert zcc("show", "yolo:prod").exit_code == 1
    lines = zcc("history", "yolo").stdout.splitlines()
    assert len(lines) == 4 and "untag" in lines[0]


def test_a_tag_may_be_written_after_its_name_but_no_other(zcc: Zcc) -> None:
    assert zcc("tag", "yolo", "yolo:next", "--dtype", "int8").exit_code == 0
    assert _json(zcc("show", "yolo:next", "--json"))["dtype"] == "int8"
    assert zcc("tag", "yolo", "other:next").exit_code == 2


def test_rm_and_gc(zcc: Zcc, registry: Registry) -> None:
    assert zcc("rm", "yolo").exit_code == 1, "several variants"
    held = zcc("rm", "yolo:prod")
    assert held.exit_code == 1 and "zcc untag yolo:prod" in held.stderr
    gone = _artifact(registry, "int8").digest
    assert _json(zcc("rm", "yolo", "--dtype", "int8", "--json")) == {"removed": [gone]}
    planned = _json(zcc("gc", "--dry-run", "--json"))
    freed = _json(zcc("gc", "--json"))
    assert planned["bytes"] == freed["bytes"] > 20_000 and freed["folders"] == 1
    assert "freed 0.0 MB" in zcc("gc").stdout
    assert len(_json(zcc("rm", "yolo", "--all", "--force", "--json"))["removed"]) == 2
    assert _json(zcc("list", "--json")) == []


def test_verify_tells_damage_and_fails(zcc: Zcc, registry: Registry) -> None:
    assert _json(zcc("verify", "--json"))["ok"] is True
    weights = _artifact(registry, "int8").folder / "weights.bin"
    weights.chmod(0o644)
    weights.write_bytes(b"damaged")
    failed = zcc("verify", "--json")
    report = json.loads(failed.stdout)
    assert failed.exit_code == 1 and report["ok"] is False
    assert str(weights) in {problem["path"] for problem in report["problems"]}
    assert str(weights) in zcc("verify").stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["show"], 2),
        (["show", "no such"], 2),
        (["show", "nothing"], 1),
        (["tag", "yolo", "not a tag"], 2),
        (["tag", "nothing", "x"], 1),
        (["untag", "yolo"], 2),
        (["untag", "yolo:nothing"], 1),
        (["rollback", "yolo"], 2),
        (["rollback", "yolo:prod"], 1),
        (["history", "nothing"], 1),
        (["rm", "nothing"], 1),
        (["gc", "--grace", "soon"], 2),
        (["list", "--registry", "nodb://x/y"], 2),
        (["list", "--registry", __file__], 2),
    ],
)
def test_exit_codes(zcc: Zcc, arguments: list[str], code: int) -> None:
    for more in ([], ["--json"]):
        ended = zcc(*arguments, *more)
        assert ended.exit_code == code, ended.output
        assert ended.stdout == ""


def test_a_corrupt_index_is_one_line(zcc: Zcc, registry: Registry) -> None:
    (registry.home / "index.sqlite").write_bytes(b"garbage" * 1000)
    for command in (["list"], ["show", "yolo"], ["tag", "yolo", "x"], ["rm", "yolo"], ["gc"], ["verify"]):
        ended = zcc(*command)
        assert ended.exit_code == 1 and "not a database" in ended.stderr


def test_a_bad_row_spoils_its_own_line(zcc: Zcc, registry: Registry, tmp_path: Path) -> None:
    registry.publish(*artifact(tmp_path / "bad", "bad", seed=7))
    with sqlite3.connect(registry.home / "index.sqlite") as index:
        index.execute("UPDATE artifacts SET manifest = replace(manifest, 'x86-64-v4', '5') WHERE name = 'bad'")
        index.execute("UPDATE artifacts SET turn = 'soon' WHERE dtype = 'int8'")
    listed = _json(zcc("list", "--json"))
    assert [("damaged" in entry) for entry in listed].count(True) == 2 and len(listed) == 4
    shown = zcc("list")
    assert shown.exit_code == 0 and sum("cannot be read: " in line for line in shown.stdout.splitlines()) == 2
    assert sum("fp32" in line for line in shown.stdout.splitlines()) == 2
    assert zcc("show", "yolo:prod").exit_code == 0
    assert zcc("verify").exit_code == 1
    ended = zcc("gc")
    assert ended.exit_code == 1 and "nothing is deleted" in ended.stderr
    assert len(_json(zcc("reindex", "--json"))["mended"]) == 2
    assert zcc("verify").exit_code == 0 and len(_json(zcc("list", "--json"))) == 4


def test_an_index_that_is_gone_is_told_and_made_anew(zcc: Zcc, registry: Registry) -> None:
    (registry.home / "index.sqlite").unlink()
    for command in (["list"], ["show", "yolo"], ["verify"], ["gc"], ["rm", "yolo"], ["tag", "yolo", "x"]):
        ended = zcc(*command)
        assert ended.exit_code == 1 and "zcc reindex" in ended.stderr and ended.stdout == ""
    done = zcc("reindex")
    assert done.exit_code == 0 and "3 artifacts taken back" in done.stdout and "tags" in done.stdout
    assert len(_json(zcc("list", "--json"))) == 3


def test_orphans_are_named_kept_and_freed_when_told(zcc: Zcc, registry: Registry, tmp_path: Path) -> None:
    older = (registry.home / "index.sqlite").read_bytes()
    newer = registry.publish(*artifact(tmp_path / "newer", "newer", seed=8))
    (registry.home / "index.sqlite").write_bytes(older)
    told = zcc("verify")
    assert told.exit_code == 1 and "1 orphan," in told.stdout and str(newer.folder) in told.stdout
    assert "kept: 1 artifact that" in zcc("gc").stdout and "kept: 1" in zcc("gc", "--orphans").stdout
    assert newer.folder.exists()
    assert _json(zcc("gc", "--orphans", "--orphan-days", "0", "--json"))["folders"] == 1
    assert "all sound" in zcc("verify").stdout


def test_a_real_process_prints_json_alone(registry: Registry) -> None:
    command = [sys.executable, "-c", "from zcc.commands.main import main; main()", "list", "--json"]
    ended = subprocess.run([*command, "--registry", str(registry.home)], capture_output=True, text=True, check=True)
    assert len(json.loads(ended.stdout)) == 3 and ended.stderr == ""


@pytest.mark.parametrize(
    ("elapsed", "told"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=12), "12 d"),
    ],
)
def test_an_age_is_told_in_one_unit(elapsed: timedelta, told: str) -> None:
    now = datetime(2026, 11, 20, tzinfo=timezone.utc)
    assert age((now - elapsed).isoformat(), now) == told


def test_an_age_reads_every_way_to_write_utc() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
    for written in ("2026-11-20T10:00:00+00:00", "2026-11-20T10:00:00Z", "2026-11-20T10:00:00"):
        assert age(written, now) == "2 h"
    assert age("long ago, in a far country", now) == "long ago, "
