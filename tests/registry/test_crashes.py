"""Publishing is all or nothing, wherever it is killed and whatever the disk refuses."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.registry import faults
from tests.registry.crashes import crash_at_random
from tests.registry.samples import artifact
from zcc.registry import Registry

STEPS = 200  # more changes of the disk than one publish makes


def _publish(home: Path, source: Path, step: int, fault: Callable[[], None]) -> Callable[[], None]:
    files, manifest = artifact(source, seed=1)

    def work() -> None:
        registry = Registry.open(home)
        faults.at_step(step, fault)
        registry.publish(files, manifest, tags=["prod"])

    return work


def _sweep(home: Path, tmp_path: Path, fault: Callable[[], None], expected: int) -> int:
    """Publish with a fault at the first step, the second, …, all staying as it was; the steps it took."""
    registry = Registry.open(home)
    before = registry.publish(*artifact(tmp_path / "before"), tags=["prod"])
    for step in range(STEPS):
        code = faults.in_child(_publish(home, tmp_path / "source", step, fault))
        found = registry.find("yolo:prod")
        if code == faults.FINISHED:
            assert registry.verify().problems == () and len(registry.artifacts()) == 2
            assert found[0].digest != before.digest
            return step
        assert code == expected
        assert [kept.digest for kept in found] == [before.digest], f"changed by a fault at step {step}"
        assert len(registry.artifacts()) == 1 and registry.verify().problems == ()
    pytest.fail("publishing never got through")


def test_killed_at_every_step_of_publishing(home: Path, tmp_path: Path) -> None:
    assert _sweep(home, tmp_path, faults.die, -signal.SIGKILL) > 10
    Registry.open(home).gc()
    assert list((home / "staging").iterdir()) == []
    assert len(list((home / "artifacts").iterdir())) == 2


def test_no_space_at_every_step_of_publishing(home: Path, tmp_path: Path) -> None:
    assert _sweep(home, tmp_path, faults.no_space, faults.REFUSED) > 10


def test_killed_at_every_step_of_the_first_publishing(home: Path, tmp_path: Path) -> None:
    for step in range(STEPS):
        code = faults.in_child(_publish(home, tmp_path / "source", step, faults.die))
        if code == faults.FINISHED:
            break
        assert code == -signal.SIGKILL
        assert Registry.open(home).artifacts() == []
    assert Registry.open(home).resolve("yolo:prod").manifest == artifact(tmp_path / "source", seed=1)[1]


def test_killed_at_any_moment(home: Path, tmp_path: Path) -> None:
    through = crash_at_random(home, tmp_path, rounds=25, seed=7)
    assert through > 10, "the publishers died too early to test anything"
