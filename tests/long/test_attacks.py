"""The attacks of this folder in short, each in a process of its own, which is small: its forks are measured."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Tiny
from tests.long.ground import SOUND
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle


@pytest.fixture
def ground(tiny_artifact: Tiny, tmp_path: Path) -> Path:
    """What tests.long.ground.make_ground makes, of the detector that all tests share."""
    shutil.copytree(tiny_artifact.home, tmp_path / "registry")
    shutil.copy(tiny_artifact.model, tmp_path / "tiny.onnx")
    export_bundle(Registry.open(tiny_artifact.home), ["tiny"], tmp_path / SOUND)
    return tmp_path


def run_attack(name: str, folder: Path, rounds: int, seed: int = 1) -> str:
    """What a script prints, which must find nothing wrong."""
    words = [*("--folder", str(folder)), *("--rounds", str(rounds)), *("--seed", str(seed))]
    done = subprocess.run(
        [sys.executable, "-m", f"tests.long.{name}", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.waits
def test_bombs_and_traps_are_refused_in_time_and_in_little_memory(ground: Path) -> None:
    assert "0 wrong" in run_attack("bombs", ground, rounds=1)


def test_changed_bundles_are_refused_or_work_with_every_command(ground: Path) -> None:
    told = run_attack("bundles", ground, rounds=40, seed=7)
    assert " imported" in told and " refused" in told


def test_a_damaged_index_loses_nothing_by_any_command(tmp_path: Path) -> None:
    told = run_attack("indexes", tmp_path, rounds=6, seed=3)
    assert " done" in told and " refused" in told


def test_killed_commands_lose_nothing(tmp_path: Path) -> None:
    assert "10 commands killed" in run_attack("kills", tmp_path, rounds=20, seed=5)


def test_interrupted_commands_end_at_once_and_leave_nothing(ground: Path) -> None:
    assert "2 rounds" in run_attack("interrupts", ground, rounds=2, seed=3)
