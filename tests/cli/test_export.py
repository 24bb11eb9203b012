"""zcc export and zcc import: from one registry to another, through one file."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.cli.conftest import Demo
from tests.cli.process import assert_one_line, run_zcc
from tests.registry.samples import artifact
from zcc import sample
from zcc.commands.main import cli
from zcc.registry import Registry
from zcc.runtime import host
from zcc.runtime.manifest import Measurement, Requirements

Zcc = Callable[..., Result]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Two builds in fp32, and an int8 that was measured."""
    registry = Registry.open(tmp_path / "registry")
    registry.publish(*artifact(tmp_path / "old"), tags=["prod"])
    registry.publish(*artifact(tmp_path / "new", seed=1))
    small = registry.publish(*artifact(tmp_path / "small", dtype="int8", seed=2))
    registry.record_measurement(small.digest, Measurement("latency_ms", 12.5, "median of 100 frames"))
    return registry


@pytest.fixture
def zcc(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zcc:
    """Run a command in an empty folder, on that registry."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("ZCC_REGISTRY", str(registry.home))
    return lambda *arguments: CliRunner().invoke(cli, list(map(str, arguments)))


def document(result: Result) -> Any:
    """What was printed with --json."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_what_is_exported_is_imported_under_its_digests_and_with_its_figures(
    zcc: Zcc, registry: Registry, tmp_path: Path
) -> None:
    exported = document(zcc("export", "yolo", "yolo.zcc", "--json"))
    assert exported["bytes"] == Path("yolo.zcc").stat().st_size
    imported = document(zcc("import", "yolo.zcc", "--registry", tmp_path / "other", "--json"))
    assert sorted(imported["digests"]) == sorted(exported["digests"])
    other = Registry.open(tmp_path / "other")
    assert {a.digest for a in other.artifacts()} == {a.digest for a in registry.find("yolo")}
    assert other.resolve("yolo", dtype="int8").figure("latency_ms") == 12.5
    assert other.verify().problems == ()


def test_importing_twice_changes_nothing(zcc: Zcc, tmp_path: Path) -> None:
    zcc("export", "yolo", "yolo.zcc")
    for _ in range(2):
        assert zcc("import", "yolo.zcc", "--registry", tmp_path / "other").exit_code == 0
    artifacts = Registry.open(tmp_path / "other").artifacts()
    assert sorted(len(each.recorded) for each in artifacts) == [0, 1]


def test_the_same_artifacts_make_the_same_bytes(zcc: Zcc) -> None:
    zcc("export", "yolo", "one.zcc")
    zcc("export", "yolo@" + document(zcc("show", "yolo", "--dtype", "int8", "--json"))["digest"], "yolo", "two.zcc")
    assert Path("one.zcc").read_bytes() == Path("two.zcc").read_bytes()
    with zipfile.ZipFile("one.zcc") as archive:
        assert len(archive.namelist()) == len(set(archive.namelist())) == 1 + 2 * 2 + 1


def test_dtype_narrows_and_tags_mean_what_they_hold(zcc: Zcc, registry: Registry) -> None:
    assert len(document(zcc("export", "yolo", "small.zcc", "--dtype", "int8", "--json"))["digests"]) == 1
    tagged = document(zcc("export", "yolo:prod", "old.zcc", "--json"))["digests"]
    assert tagged == [registry.resolve("yolo:prod").digest]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("yolo", "yolo:prod", "x.zcc"), 2, "one of each dtype and target"),
        (("yolo", "other", "x.zcc"), 2, "one name, not other, yolo"),
        (("absent", "x.zcc"), 1, "absent"),
        (("yolo", "x.zip"), 2, "let it end in .zcc"),
        (("yolo", "no/such/folder/x.zcc"), 1, "x.zcc cannot be written: No such file"),
        (("x.zcc",), 2, "REF"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(
    zcc: Zcc, registry: Registry, tmp_path: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    registry.publish(*artifact(tmp_path / "another", name="other"))
    result = zcc("export", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr and result.stderr.count("\n") == 1, result.stderr
    assert list(Path().iterdir()) == []


def test_a_damaged_registry_writes_no_bundle_and_keeps_the_old_one(zcc: Zcc, registry: Registry) -> None:
    Path("yolo.zcc").write_bytes(b"the old one")
    weights = registry.resolve("yolo", dtype="int8").folder / "weights.bin"
    content = weights.read_bytes()
    weights.chmod(0o644)
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    result = zcc("export", "yolo", "yolo.zcc")
    assert result.exit_code == 1 and "weights.bin is not the file that was published" in result.stderr
    weights.unlink()
    result = zcc("export", "yolo", "yolo.zcc")
    assert result.exit_code == 1 and "weights.bin cannot be read: No such file" in result.stderr
    assert [path.read_bytes() for path in Path().iterdir()] == [b"the old one"]


LARGE = 1 << 40


@pytest.mark.parametrize(
    ("trap", "told"),
    [
        (os.mkfifo, "cannot be read: it is no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "cannot be read: it is no regular file"),
        (lambda path: path.touch() or os.truncate(path, LARGE), "is not the file that was published"),
    ],
    ids=["fifo", "zeros", "large"],
)
def test_what_stands_in_a_files_place_is_neither_waited_for_nor_copied(
    zcc: Zcc, registry: Registry, trap: Callable[[Path], None], told: str
) -> None:
    weights = registry.resolve("yolo", dtype="int8").folder / "weights.bin"
    weights.unlink()
    trap(weights)
    result = zcc("export", "yolo", "yolo.zcc")
    assert result.exit_code == 1 and f"weights.bin {told}" in result.stderr
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("cut", [0, 100, 20_000, -1])
def test_a_cut_bundle_is_one_line_and_publishes_nothing(zcc: Zcc, tmp_path: Path, cut: int) -> None:
    zcc("export", "yolo", "yolo.zcc")
    Path("yolo.zcc").write_bytes(Path("yolo.zcc").read_bytes()[:cut])
    result = zcc("import", "yolo.zcc", "--registry", tmp_path / "other")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "yolo.zcc is no bundle" in result.stderr
    assert Registry.open(tmp_path / "other").artifacts() == []


def test_the_sample_runs_from_its_bundle_in_processes_of_its_own(demo: Demo, tmp_path: Path) -> None:
    done = run_zcc("export", "shapes", "shapes.zcc", "--registry", demo.registry, cwd=tmp_path)
    assert done.returncode == 0 and "exported shapes" in done.stdout, done.stderr
    environment = {"ZCC_REGISTRY": str(tmp_path / "none"), "ZCC_CACHE": str(tmp_path / "cache")}
    told = []
    for reference, more in (("shapes.zcc", environment), ("shapes", {"ZCC_REGISTRY": demo.registry})):
        done = run_zcc("run", reference, sample.IMAGES[0], "--json", cwd=tmp_path, **more)
        assert done.returncode == 0, done.stderr
        told.append([picture["detections"] for picture in json.loads(done.stdout)["images"]])
    assert told[0] == told[1] != [[]]
    assert_one_line(run_zcc("run", "absent.zcc", sample.IMAGES[0], cwd=tmp_path, **environment), 1, "absent.zcc")


def hostile(zcc: Zcc, tmp_path: Path, name: str, **changes: Any) -> Path:
    """A bundle of that name that claims to be the fastest there is, and to be of any build."""
    figures = (Measurement("latency_ms", 0.01, "believe me"), Measurement("map50_95", 0.999, "100 scenes"))
    there = Registry.open(tmp_path / "elsewhere")
    there.publish(*artifact(tmp_path / "hostile", name, seed=9, dtype="bf16", measured=figures, **changes))
    document(zcc("export", name, "hostile.zcc", "--registry", tmp_path / "elsewhere", "--json"))
    return Path("hostile.zcc")


def test_a_name_that_is_there_changes_its_meaning_only_when_told(zcc: Zcc, registry: Registry, tmp_path: Path) -> None:
    path, before = hostile(zcc, tmp_path, "yolo"), [found.digest for found in registry.artifacts()]
    refused = zcc("import", path)
    assert refused.exit_code == 1 and refused.stderr.count("\n") == 1
    assert "--name NAME" in refused.stderr and "--yes" in refused.stderr
    assert [found.digest for found in registry.artifacts()] == before
    [digest] = document(zcc("import", path, "--name", "theirs", "--json"))["digests"]
    assert registry.resolve("theirs").digest == digest != registry.resolve("yolo", dtype="fp32").digest
    assert len(registry.find("yolo")) == 2 and registry.verify().ok
    assert zcc("import", path, "--yes").exit_code == 0
    assert len(registry.find("yolo")) == 3
    assert zcc("import", path).exit_code == 0, "now it means what it meant"


def test_the_start_of_a_digest_is_no_name_to_take(zcc: Zcc, registry: Registry, tmp_path: Path) -> None:
    start = registry.resolve("yolo", dtype="int8").digest.removeprefix("sha256:")[:8]
    refused = zcc("import", hostile(zcc, tmp_path, start))
    assert refused.exit_code == 1 and "--yes" in refused.stderr


@pytest.mark.parametrize("name", ["", "a b", "sha256", "x.zcc", "../x"])
def test_a_name_that_nothing_can_bear_is_wrong_usage(zcc: Zcc, tmp_path: Path, name: str) -> None:
    assert zcc("import", hostile(zcc, tmp_path, "other"), "--name", name).exit_code == 2


def test_what_was_measured_elsewhere_is_marked_and_does_not_win(zcc: Zcc, tmp_path: Path, registry: Registry) -> None:
    here = Requirements(host.system(), host.architecture(), (), version("apache-tvm"))
    own = (Measurement("latency_ms", 12.0, "median"),)
    mine = registry.publish(*artifact(tmp_path / "mine", "net", requires=here, measured=own))
    zcc("import", hostile(zcc, tmp_path, "net", requires=here), "--yes")
    assert document(zcc("show", "net", "--json"))["digest"] == mine.digest
    theirs = document(zcc("show", "net", "--dtype", "bf16", "--json"))
    assert theirs["origin"] == "import" and [figure["here"] for figure in theirs["measured"]] == [False, False]
    listed = {entry["digest"]: entry for entry in document(zcc("list", "--json"))}
    assert listed[mine.digest]["origin"] is None and listed[mine.digest]["measured"][0]["here"]
    [row] = [line for line in zcc("list").stdout.splitlines() if "bf16" in line]
    assert "(0.0)" in row


def test_what_was_built_elsewhere_stands_in_for_no_build_of_ours(zcc: Zcc, tmp_path: Path, registry: Registry) -> None:
    """A bundle may claim any fingerprint; a compile that found it by that would run a stranger's code as its own."""
    zcc("import", hostile(zcc, tmp_path, "theirs", fingerprint="what you will build next"))
    assert len(registry.find("theirs")) == 1
    assert registry.by_fingerprint("what you will build next") is None
    own = registry.publish(*artifact(tmp_path / "own", "ours", seed=4, fingerprint="what you will build next"))
    found = registry.by_fingerprint("what you will build next")
    assert found is not None and found.digest == own.digest


def test_one_bad_variant_keeps_the_others_out(zcc: Zcc, registry: Registry, tmp_path: Path) -> None:
    zcc("export", "yolo", "yolo.zcc")
    content = bytearray(Path("yolo.zcc").read_bytes())
    weights = registry.artifacts()[0].folder / "weights.bin"
    content[content.find(weights.read_bytes()[:64])] ^= 1
    Path("yolo.zcc").write_bytes(content)
    assert zcc("import", "yolo.zcc", "--registry", tmp_path / "other").exit_code == 1
    assert Registry.open(tmp_path / "other").artifacts() == [] and not (tmp_path / "other" / "files").exists()
