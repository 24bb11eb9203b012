"""Pushes and pulls killed at random moments: a tag means nothing half-made, a registry holds nothing half-made."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.oci.server import OciServer
from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.remotes.listing import list_tags
from zcc.registry.remotes.pull import ARRIVING, pull
from zcc.registry.remotes.push import push
from zcc.runtime.errors import NotFound
from zcc.runtime.remotes.address import RemoteAddress, parse

SIZE = 2_000_000  # bytes of an artifact's weights


def kill_at_random(server: OciServer, folder: Path, rounds: int, seed: int) -> int:
    """Kill pushes and pulls in turns, then let each complete; how many were killed before they were done."""
    dice, killed = random.Random(seed), 0
    ours, longest = Registry.open(folder / "ours"), 1.0
    for number in range(rounds):
        mine = ours.publish(*artifact(folder / "a", seed=seed * 100_000 + number, size=SIZE))
        there = parse(f"oci://{server.host}/killed/a{mine.short}:v1")
        theirs = Registry.open(folder / f"theirs-{number}")
        for work, look in (
            (partial(push, ours, [mine], there), partial(_check_tag, there)),
            (partial(pull, theirs, there), partial(_check_registry, theirs)),
        ):
            killed += _kill(work, dice.uniform(0, longest))
            look()
            start = time.perf_counter()
            work()
            longest = time.perf_counter() - start
        assert [each.digest for each in theirs.artifacts()] == [mine.digest]
        _check_registry(theirs)
        assert not list((theirs.home / ARRIVING).iterdir())
    return killed


def _kill(work: Callable[[], object], seconds: float) -> bool:
    """Do it in a fork that lives so long; whether it was not done by then."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _check_tag(there: RemoteAddress) -> None:
    """Where the tag is there, all that it means is."""
    try:
        tags = {each.tag: each for each in list_tags(there)}
    except NotFound:
        return
    assert there.tag not in tags or len(tags[there.tag].variants) == 1


def _check_registry(registry: Registry) -> None:
    assert registry.verify().problems == ()
