"""What the benchmarks' command lines share."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zcc.registry import Registry
from zcc.runtime.errors import ZccError


def size(text: str) -> tuple[int, int]:
    """`1080x1920` as (height, width)."""
    height, _, width = text.partition("x")
    return int(height), int(width)


def numbers(text: str) -> list[int]:
    """`1,2` as [1, 2]."""
    return [int(number) for number in text.split(",")]


def names(text: str) -> list[str]:
    """`a,b` as ["a", "b"]."""
    return [name.strip() for name in text.split(",") if name.strip()]


@contextmanager
def opened_registry(place: str | None) -> Iterator[Registry]:
    """The registry at `place`, or one that is gone afterwards."""
    if place is not None:
        yield Registry.open(place)
        return
    with tempfile.TemporaryDirectory(prefix="zcc-benchmark-") as folder:
        yield Registry.open(folder)


def run(main: Callable[[], None]) -> None:
    """Run a benchmark; what zcc refuses is one line."""
    try:
        main()
    except ZccError as error:
        sys.exit(f"error: {error}")
