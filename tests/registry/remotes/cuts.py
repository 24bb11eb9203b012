"""Pushing and pulling over a wire that breaks at random bytes."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

from tests.oci.cutting import cutting
from tests.oci.server import OciServer
from tests.registry.samples import artifact
from zcc.registry import Artifact, Registry
from zcc.registry.remotes.listing import list_tags
from zcc.registry.remotes.pull import pull
from zcc.registry.remotes.push import push
from zcc.runtime.errors import NotFound, Unavailable
from zcc.runtime.remotes.address import RemoteAddress, parse

SIZE = 3_000_000  # bytes of an artifact's weights
SHORTEST = 6_000  # of a connection: less is not even a handshake
LIVES = 12  # connections of a round that are cut


def cut_pushes(server: OciServer, folder: Path, rounds: int, seed: int) -> int:
    """Push new artifacts until each is through; how many connections were cut meanwhile."""
    dice, cuts = random.Random(seed), 0
    registry = Registry.open(folder / "ours")
    for number in range(rounds):
        mine = registry.publish(*artifact(folder / "a", seed=seed * 100_000 + number, size=SIZE))
        cuts += _push_through(server, folder, dice, registry, mine)
        got = pull(Registry.open(folder / f"theirs-{number}"), _place(server.port, mine))
        assert [each.digest for each in got.artifacts] == [mine.digest]
    return cuts


def cut_pulls(server: OciServer, folder: Path, rounds: int, seed: int) -> int:
    """Pull into new registries until each has the artifact; how many connections were cut meanwhile."""
    dice, cuts = random.Random(seed), 0
    ours = Registry.open(folder / "ours")
    mine = ours.publish(*artifact(folder / "a", seed=seed, size=SIZE))
    push(ours, [mine], _place(server.port, mine))
    for number in range(rounds):
        registry = Registry.open(folder / f"theirs-{number}")
        cuts += _pull_through(server, folder, dice, registry, mine)
        assert [each.digest for each in registry.artifacts()] == [mine.digest]
        assert registry.verify().problems == ()
    return cuts


def _push_through(server: OciServer, folder: Path, dice: random.Random, registry: Registry, mine: Artifact) -> int:
    with cutting(server.port, _lives(dice)) as proxy:
        server.log_in(Path(os.environ["DOCKER_CONFIG"]), f"127.0.0.1:{proxy.port}")
        through, there = _place(proxy.port, mine), _place(server.port, mine)
        _until_done(lambda: push(registry, [mine], through, pause=_at_once), lambda: _absent_or_whole(there))
        return proxy.cuts


def _pull_through(server: OciServer, folder: Path, dice: random.Random, registry: Registry, mine: Artifact) -> int:
    with cutting(server.port, _lives(dice)) as proxy:
        server.log_in(Path(os.environ["DOCKER_CONFIG"]), f"127.0.0.1:{proxy.port}")
        _until_done(lambda: pull(registry, _place(proxy.port, mine), pause=_at_once), lambda: _empty_or_sound(registry))
        return proxy.cuts


def _at_once(seconds: float) -> None:
    """The wire breaks by the byte, not by the second."""


def _place(port: int, mine: Artifact) -> RemoteAddress:
    return parse(f"oci://127.0.0.1:{port}/cut/a{mine.short}:v1")


def _lives(dice: random.Random) -> Callable[[], int | None]:
    """How long connections live: most of the first ones briefly, those after them for good."""
    short = iter(range(LIVES))
    return lambda: dice.randrange(SHORTEST, SIZE // 2) if next(short, None) is not None else None


def _until_done(work: Callable[[], object], look: Callable[[], None]) -> None:
    """Again and again, as a user would; between two goes nothing half-made may show."""
    for _ in range(LIVES + 1):
        try:
            work()
            return
        except Unavailable:
            look()
    raise AssertionError("it never got through")


def _absent_or_whole(there: RemoteAddress) -> None:
    try:
        tags = {each.tag for each in list_tags(there)}
    except NotFound:
        return
    assert there.tag not in tags


def _empty_or_sound(registry: Registry) -> None:
    assert registry.verify().problems == ()
    assert registry.artifacts() == []
