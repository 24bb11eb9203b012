"""The attacks of this folder in short, each in a process of its own, which is small: its forks are measured."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Tiny
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle


@pytest.fixture
def ground(tiny_artifact: Tiny, tmp_path: Path) -> Path:
    """What tests.long.bombs.make_ground makes, of the detector that all tests share."""
    shutil.copytree(tiny_artifact.home, tmp_path / "registry")
    shutil.copy(tiny_artifact.model, tmp_path / "tiny.onnx")
    export_bundle(Registry.open(tiny_artifact.home), ["tiny"], tmp_path / "sound.zcc")
    return tmp_path


def run_attack(name: str, *arguments: str | Path) -> str:
    """What a script prints, which must find nothing wrong."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.long.{name}", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=110,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return done.stdout


def test_bombs_and_traps_are_refused_in_time_and_in_little_memory(ground: Path) -> None:
    told = run_attack("bombs", "--ground", ground, "--gigabytes", "6", "--traps", "fifo,zeros")
    assert told.count("ok ") > 40


def test_changed_bundles_are_refused_or_work_with_every_command(ground: Path) -> None:
    assert "0 wrong" in run_attack("attack_bundles", "--ground", ground, "--rounds", "12", "--seed", "7")


def test_a_damaged_index_loses_nothing_by_any_command() -> None:
    assert "0 wrong" in run_attack("attack_index", "--rounds", "4", "--seed", "3")


def test_killed_commands_lose_nothing() -> None:
    assert "0 wrong" in run_attack("kill", "--commands", "12", "--publishers", "0", "--seed", "5")
