"""zcc compile: what it prints, what it refuses, and that it never builds the same thing twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from tests.cli.conftest import Demo
from tests.cli.process import assert_one_line, call_zcc, run_zcc
from tests.compiler.bare_heads import distributed
from tests.conftest import Tiny
from zcc import sample
from zcc.commands.compile import _sharing, _summary
from zcc.compiler.benching import sharing
from zcc.compiler.building.progress import Silent
from zcc.compiler.compile import Result
from zcc.registry import Registry
from zcc.registry.kept_results import KeptResults
from zcc.runtime import host
from zcc.runtime.errors import BenchmarkError
from zcc.runtime.manifest import Manifest, file_sha256

FIELDS = {
    *("name", "digest", "dtype", "target", "input", "head", "classes", "sizes", "created", "versions"),
    *("model_sha256", "calibration_digest", "tuning_digest", "measured", "stages", "fingerprint", "verified"),
}


def test_the_document_says_everything_and_the_same_is_not_built_twice(demo: Demo) -> None:
    done = run_zcc("compile", sample.MODEL, "--name", "shapes", "--json", "--registry", demo.registry)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document) >= FIELDS
    assert document["reused"]
    assert document["model_sha256"] == file_sha256(sample.MODEL)
    assert [variant["digest"] for variant in document["variants"]] == [document["digest"]]
    listed = json.loads(call_zcc("list", "--json", "--registry", demo.registry).stdout)
    assert [artifact["digest"] for artifact in listed] == [document["digest"]]


@pytest.mark.parametrize(
    ("content", "call"),
    [(b"", call_zcc), (b"\x00" * 100, call_zcc), (sample.MODEL.read_bytes()[:5000], run_zcc)],
    ids=["empty", "zeros", "truncated"],
)
def test_what_is_no_model_is_one_line_and_leaves_nothing(
    tmp_path: Path, content: bytes, call: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(content)
    registry = tmp_path / "registry"
    done = call("compile", model, "--json", "--registry", registry)
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert str(model) in last
    assert "Traceback" not in done.stderr
    assert json.loads(call_zcc("list", "--json", "--registry", registry).stdout) == []


def test_a_model_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = call_zcc("compile", tmp_path / "absent.onnx", "--registry", tmp_path)
    assert done.returncode in (1, 2)
    assert "absent.onnx" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--dtype", "fp7"), ("--dtype", "fp32,,fp7"), ("--target", "toaster"), ("--imgsz", "33x33")),
        *(("--classes", os.devnull), ("--calib", "absent"), ("--data", "absent"), ("--max-drop", "nan")),
        *(("--name", ""), ("--name", "a/b"), ("--threads", "0")),
    ],
)
def test_a_value_that_cannot_be_is_named(tmp_path: Path, option: str, value: str) -> None:
    done = call_zcc("compile", sample.MODEL, option, value, "--registry", tmp_path)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert value in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_work_is_cut_for_the_threads_that_are_asked_for(tiny_artifact: Tiny, tmp_path: Path) -> None:
    done = call_zcc("compile", tiny_artifact.model, "--threads", "3", "--name", "three", "--registry", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "a frame's work cut for 3 threads" in " ".join(
        call_zcc("show", "three", "--registry", tmp_path).stdout.split()
    )


def test_a_registry_that_cannot_be_written_is_told_before_the_build(tmp_path: Path) -> None:
    done = call_zcc("compile", sample.MODEL, "--registry", "/proc/registry")
    assert done.returncode == 1
    assert "/proc/registry" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_bar_without_pictures_is_wrong_usage(tmp_path: Path) -> None:
    done = call_zcc("compile", sample.MODEL, "--max-drop", "0.3", "--registry", tmp_path / "registry")
    assert_one_line(done, 2, "--max-drop", "no pictures to measure on", "--data DIR")


def test_of_several_dtypes_those_that_can_be_built_are(tmp_path: Path) -> None:
    model = tmp_path / "small.onnx"
    onnx.save(distributed(3, (64, 64)), model)
    asked = (
        "compile",
        model,
        "--dtype",
        "bf16,fp32,int8",
        "--target",
        "x86-64-v3",
        "--registry",
        tmp_path / "registry",
    )
    done = call_zcc(*asked, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [variant["dtype"] for variant in document["variants"]] == ["fp32"]
    assert {dtype: why.partition(";")[0] for dtype, why in document["passed_over"].items()} == {
        "bf16": "x86-64-v3 has no instructions for bf16",
        "int8": "int8 needs pictures to choose its scales by",
    }
    assert all(f"{dtype} was passed over: {why}" in done.stderr for dtype, why in document["passed_over"].items())
    assert_one_line(call_zcc(*asked, "--strict"), 1, "x86-64-v3 has no instructions for bf16", "x86-64-v4-bf16")
    alone = ("compile", model, "--dtype", "bf16", "--target", "x86-64-v3", "--registry", tmp_path / "registry")
    assert_one_line(call_zcc(*alone), 1, "x86-64-v3 has no instructions for bf16")


def test_on_many_cores_it_says_what_threads_and_streams_are_best_and_keeps_it(
    tiny_artifact: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"surface": [], "best": {"latency": {"threads": 16, "streams": 1}}}
    monkeypatch.setattr(sharing, "glance", lambda folder, frames: told)
    registry = Registry.open(shutil.copytree(tiny_artifact.home, tmp_path / "registry"))
    results = [Result(Manifest.read(tiny_artifact.folder), tiny_artifact.folder, reused=False)]
    digest = results[0].manifest.digest
    monkeypatch.setattr(host, "worker_threads", lambda: 2)
    assert _sharing(results, registry, Silent()) == {}
    monkeypatch.setattr(host, "worker_threads", lambda: 16)
    found = _sharing(results, registry, Silent())
    assert found == {digest: told}
    assert "  for latency threads=16 streams=1" in _summary(results, None, found).splitlines()
    [kept] = KeptResults(registry.home).of(digest, "sharing")
    assert kept["best"] == told["best"]
    assert _sharing([replace(results[0], reused=True)], registry, Silent()) == {}

    def fail(folder: Path, frames: object) -> None:
        raise BenchmarkError("a process ended")

    monkeypatch.setattr(sharing, "glance", fail)
    assert _sharing(results, registry, Silent()) == {}, "the artifact is there all the same"


def test_what_is_for_another_machine_is_carried_there(tiny_artifact: Tiny) -> None:
    manifest = Manifest.read(tiny_artifact.folder)
    elsewhere = replace(manifest, requires=replace(manifest.requires, arch="riscv64"))

    def told(made: Manifest) -> str:
        return _summary([Result(made, tiny_artifact.folder, reused=False)], "there", {}).splitlines()[-1]

    assert told(manifest) == "try: zcc run tiny IMAGE --save out --registry there"
    bundle = "zcc export tiny tiny.zcc --registry there"
    assert told(elsewhere) == f"next: {bundle}, and on such a machine, in Python: Detector.load('tiny.zcc')"
