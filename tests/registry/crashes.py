"""Publishers killed at random moments, again and again. The long form of the test:

python -m tests.registry.crashes --rounds 5000
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from pathlib import Path

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.garbage import Spared

ACKNOWLEDGED = b"."
MOST_BEFORE_DEATH = 3  # publishes that are waited for


def crash_at_random(home: Path, sources: Path, rounds: int, seed: int) -> int:
    """Kill a publisher at a random moment, again and again; how many artifacts got through whole."""
    dice = random.Random(seed)
    registry = Registry.open(home)
    one = _seconds_of_a_publish(registry, sources)
    published = before = len(registry.artifacts())
    for number in range(rounds):
        acknowledged = _acknowledged_before_death(
            home, sources, number, after=dice.randrange(MOST_BEFORE_DEATH), seconds=dice.uniform(0, 2 * one)
        )
        there = len(registry.artifacts())
        assert acknowledged <= there - published <= acknowledged + 1, "an acknowledged publish was lost"
        published = there
        assert registry.verify().problems == ()
        assert registry.artifacts()[0].tags == ("prod",), "a tag did not move with its artifact"
    registry.gc(Spared(orphans=False, orphan_days=0))  # made whole, but never acknowledged
    assert not list((home / "staging").glob("*"))
    assert len(list((home / "artifacts").glob("*"))) == published
    return published - before


def _seconds_of_a_publish(registry: Registry, sources: Path) -> float:
    """How long one takes here and now, the index being made already."""
    seconds = []
    for seed in range(3):
        start = time.perf_counter()
        registry.publish(*artifact(sources / "source", seed=-1 - seed), tags=["prod"])
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _acknowledged_before_death(home: Path, sources: Path, number: int, after: int, seconds: float) -> int:
    """Fork a publisher and kill it some time after so many publishes; how many it acknowledged."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _publish_for_ever(home, sources, number, writer)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb", buffering=0) as acknowledgements:
        for _ in range(after):
            assert acknowledgements.read(1) == ACKNOWLEDGED
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return after + len(acknowledgements.readall())


def _publish_for_ever(home: Path, sources: Path, number: int, writer: int) -> None:
    registry = Registry.open(home)
    seed = number * 1000
    while True:
        registry.publish(*artifact(sources / "source", seed=seed), tags=["prod"])
        os.write(writer, ACKNOWLEDGED)
        seed += 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        through = crash_at_random(root / "registry", root, arguments.rounds, arguments.seed)
    print(f"{arguments.rounds} publishers killed, {through} artifacts published, all whole")
