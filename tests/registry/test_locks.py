"""Locks between processes, and what becomes of them when their holder dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from zcc.registry.locks import exclusive, shared

Lock = Callable[[Path], AbstractContextManager[None]]


def _hold_in_child(lock: Lock, path: Path) -> int:
    """A forked child that holds the lock until it is killed; back once it holds it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with lock(path):
            os.write(writer, b"held")
            signal.pause()
    os.close(writer)
    assert os.read(reader, 4) == b"held"
    os.close(reader)
    return child


def _kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.parametrize("held", [exclusive, shared])
def test_a_killed_holder_frees_its_lock(tmp_path: Path, held: Lock) -> None:
    child = _hold_in_child(held, tmp_path / "lock")
    waited: list[bool] = []

    def on_wait() -> None:
        waited.append(True)
        _kill(child)

    with exclusive(tmp_path / "lock", on_wait):
        assert waited == [True]


def test_sharers_do_not_wait_for_each_other(tmp_path: Path) -> None:
    child = _hold_in_child(shared, tmp_path / "lock")
    with shared(tmp_path / "lock"):
        _kill(child)


def test_a_free_lock_is_had_without_waiting(tmp_path: Path) -> None:
    for _ in range(2):
        with exclusive(tmp_path / "lock", lambda: pytest.fail("waited for nobody")):
            pass
