"""What flows through the streams of these tests, and the threads that read it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tests.runtime.samples import noise

COUNT = 12


def frames(count: int = COUNT) -> list[NDArray[np.uint8]]:
    """Frames that differ."""
    return [noise(48, 64, seed) for seed in range(count)]


def endless() -> Iterator[NDArray[np.uint8]]:
    """A camera that never ends."""
    while True:
        yield noise(8, 8)


def readers() -> list[threading.Thread]:
    """The threads that read."""
    return [thread for thread in threading.enumerate() if thread.name == "zcc-stream"]
