"""zcc doctor: what it finds here, and what it says on a machine that lacks things."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.cli.process import call_zcc
from tests.registry.samples import artifact
from zcc.commands.health import Need, Status, check_package, check_registry
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.compiler.precision.table import PRECISIONS
from zcc.registry import Registry


def examine(*arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the document of a real `zcc doctor --json`."""
    done = subprocess.run(
        [sys.executable, "-m", "zcc", "doctor", "--json", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=180,
    )
    return done.returncode, json.loads(done.stdout)


def by_subject(document: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The findings, by what they are about."""
    return {finding["subject"]: finding for finding in document["findings"]}


def test_a_machine_that_passes_the_tests_is_healthy(tmp_path: Path) -> None:
    code, document = examine("--registry", str(tmp_path))
    findings = by_subject(document)
    assert code == 0
    assert document["can"] == {"run": True, "compile": True}
    assert findings["apache-tvm-ffi"]["detail"] == metadata.version("apache-tvm-ffi")
    assert findings["C compiler"]["status"] == "ok"
    assert str(len(os.sched_getaffinity(0))) in findings["cores"]["detail"]
    assert str(tmp_path) in findings["registry"]["detail"]
    assert "kernels on record that come with zcc fit this machine" in findings["tuning records"]["detail"]
    assert all(finding["remedy"] for finding in findings.values() if finding["status"] != "ok")


def test_every_target_is_named_and_each_dtype_has_a_native_one(tmp_path: Path) -> None:
    findings = by_subject(json.loads(call_zcc("doctor", "--json", "--registry", tmp_path).stdout))
    details = {name: findings[f"target {name}"]["detail"] for name in TARGETS}
    for dtype in PRECISIONS:
        target = native_target(dtype)
        named = [name for name, detail in details.items() if dtype in detail.rpartition("native for ")[2].split(", ")]
        assert named == ([target.name] if target.computes(dtype) else [])


def test_no_c_compiler_stops_compiling_but_not_running(tmp_path: Path) -> None:
    code, document = examine("--registry", str(tmp_path), PATH=str(tmp_path), CC="", CXX="")
    assert code == 1
    assert document["can"] == {"run": True, "compile": False}
    assert by_subject(document)["C compiler"]["remedy"]


def test_a_registry_that_cannot_be_written_is_told() -> None:
    done = call_zcc("doctor", "--json", "--registry", "/proc/no-registry-here")  # not even root can write there
    registry = by_subject(json.loads(done.stdout))["registry"]
    assert (done.returncode, registry["status"], registry["needed_to"]) == (1, "missing", "compile")
    assert "/proc" in registry["detail"]
    assert "--registry" in registry["remedy"]


def _blank(index: Path) -> None:
    index.write_bytes(index.read_bytes()[:4096] + bytes(4096) + index.read_bytes()[8192:])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda index: index.write_bytes(b"x" * 9000), "not a database"),
        (_blank, "index"),
        (Path.unlink, "is gone"),
        (lambda index: (index.unlink(), index.mkdir()), "no file"),
    ],
)
def test_a_registry_that_cannot_be_read_is_told(tmp_path: Path, damage: Callable[[Path], object], told: str) -> None:
    Registry.open(tmp_path / "home").publish(*artifact(tmp_path / "a"))
    assert [found.status for found in check_registry(str(tmp_path / "home"))] == [Status.OK]
    damage(tmp_path / "home" / "index.sqlite")
    [found] = check_registry(str(tmp_path / "home"))
    assert (found.status, found.needed_to) == (Status.MISSING, Need.COMPILE)
    assert told in found.detail and found.remedy


@pytest.mark.parametrize(
    ("requirement", "status", "detail"),
    [
        ("numpy>=1.24", Status.OK, metadata.version("numpy")),
        ("numpy>=999", Status.MISSING, "zcc needs >=999"),
        ("no-such-distribution>=1", Status.MISSING, "not installed"),
    ],
)
def test_a_package_is_judged_by_its_requirement(requirement: str, status: Status, detail: str) -> None:
    finding = check_package(Requirement(requirement), Need.RUN)
    assert finding.status is status
    assert detail in finding.detail
    assert (requirement in finding.remedy) == (status is Status.MISSING)
    assert finding.needed_to is (Need.RUN if status is Status.MISSING else Need.NOTHING)


def test_the_report_for_people_names_every_finding(tmp_path: Path) -> None:
    report, document = (call_zcc("doctor", "--registry", tmp_path, *form).stdout for form in ((), ("--json",)))
    assert report.splitlines()[-1] == "this machine can run and can compile"
    assert len(report.splitlines()) == len(json.loads(document)["findings"]) + 1
