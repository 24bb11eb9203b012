"""Detectors that follow the tag `prod`, how the tag is moved, and how often they look."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from tests.runtime.conftest import Pair
from tests.runtime.samples import noise
from tests.runtime.waiting import wait_for
from zcc.registry import Registry
from zcc.runtime import Detector, Following
from zcc.runtime.follow import Follower
from zcc.runtime.manifest import Manifest

FRAME = noise(48, 64)
ANY = Following(agreement=0, interval=0.05)
Stays = Callable[[Detector, str], None]


def follow(pair: Pair, how: bool | Following = ANY) -> Detector:
    """A detector that follows the tag."""
    return Detector.load("tiny:prod", registry=str(pair.home), follow=how)


def move(pair: Pair, target: str) -> None:
    """Move the tag."""
    Registry.open(pair.home).tag("tiny", "prod", target=target)


def publish(pair: Pair, folder: Path) -> str:
    """Publish an artifact and move the tag to it."""
    return Registry.open(pair.home).publish(folder, Manifest.read(folder), tags=["prod"]).digest


def watchers() -> list[threading.Thread]:
    """The threads that follow."""
    return [thread for thread in threading.enumerate() if thread.name == "zcc-follow"]


class Looks:
    """Counts how often followers began to look at their registry, in the order in which they did."""

    def __init__(self, look: Callable[[Follower], None]) -> None:
        self.begun = self.ended = 0
        self._look = look

    def __call__(self, follower: Follower) -> None:
        self.begun += 1
        self._look(follower)
        self.ended += 1

    def more(self, count: int) -> None:
        """Until so many of all followers together began after this moment, and have ended."""
        until = self.begun + count
        wait_for(lambda: self.ended >= until)
