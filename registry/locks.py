"""Locks between processes. The kernel frees them when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock alone; `on_wait` is called once when another holds it first."""
    with _locked(path, fcntl.LOCK_EX, on_wait):
        yield


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold the lock together with others, but never while one holds it alone."""
    with _locked(path, fcntl.LOCK_SH, None):
        yield


@contextmanager
def _locked(path: Path, mode: int, on_wait: Callable[[], None] | None) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait:
                on_wait()
            fcntl.flock(file, mode)
        # Unlocked by name, not by closing: a forked child may still hold the descriptor.
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
