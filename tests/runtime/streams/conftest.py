"""Pictures to stream, and no thread that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from tests.runtime.streams.frames import frames, readers
from tests.runtime.waiting import wait_for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures, and what is none, in a folder; their names are not in the order in which they are written."""
    place = tmp_path / "pictures"
    place.mkdir()
    for number, frame in reversed(list(enumerate(frames()))):
        cv2.imwrite(str(place / f"{number:03}.png"), frame)
    (place / "notes.txt").write_text("no picture")
    return place


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Whatever a test does with a stream, the thread that reads ends."""
    yield
    gc.collect()
    wait_for(lambda: not readers())
