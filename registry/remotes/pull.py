"""Artifacts from an OCI repository into the registry: checked as imports are, and only what is not here is moved."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zcc.registry.artifact import Artifact
from zcc.registry.bundle import check_meanings, named, with_claims
from zcc.registry.failures import reported
from zcc.registry.reference import check_name
from zcc.registry.registry import Registry
from zcc.registry.rows import IMPORTED
from zcc.runtime.errors import NotFound
from zcc.runtime.library import RUNTIME_LIBRARY
from zcc.runtime.packed_library import check_packed
from zcc.runtime.remotes.address import RemoteAddress
from zcc.runtime.remotes.blobs import Blobs
from zcc.runtime.remotes.repository import Repository
from zcc.runtime.remotes.session import RemoteSession
from zcc.runtime.remotes.source import Remote
from zcc.runtime.source import Candidate

ARRIVING = "downloads"  # in the registry's home: what has come, and beginnings that a later pull goes on with
KEPT_DAYS = 7  # of beginnings that nobody went on with


@dataclass(frozen=True)
class Pulled:
    """What was published here, and how many bytes had to come for it."""

    artifacts: tuple[Artifact, ...]
    moved: int


def pull(
    registry: Registry,
    address: RemoteAddress,
    name: str | None = None,
    changing: bool = False,
    fits: Callable[[Candidate], bool] = lambda _: True,
    pause: Callable[[float], None] = time.sleep,
) -> Pulled:
    """Publish the variants of an address that fit, under their own name or another one.

    As with a bundle: nothing is published unless all of it is sound, nor, unless it may be `changing`, when a name that
    is here would come to mean something else.
    """
    if name is not None:
        check_name(name)
    found = [named(each, name) for each in _fitting(address, fits)]
    if not changing:
        check_meanings(registry, [each.manifest for each in found])
    blobs = Blobs(registry.home / ARRIVING, pause)
    blobs.expire(time.time() - KEPT_DAYS * 86400)
    with reported(registry.home):
        _fetch(registry, address, blobs, found)
    return Pulled(tuple(_publish(registry, blobs, each) for each in found), blobs.moved)


def _fitting(address: RemoteAddress, fits: Callable[[Candidate], bool]) -> list[Candidate]:
    there = Remote(address, remembers=False).variants()
    found = [each for each in there if fits(each)]
    if not found:
        raise NotFound(f"{address} has no such variant", f"it has {', '.join(each.label for each in there)}")
    return found


def _fetch(registry: Registry, address: RemoteAddress, blobs: Blobs, candidates: Sequence[Candidate]) -> None:
    """Every file that is not stored here, each once."""
    wanted = {entry.sha256: entry for each in candidates for entry in each.manifest.files}
    with RemoteSession(address) as session:
        repository = Repository(session)
        for entry in wanted.values():
            if not registry.stores(entry):
                repository.fetch(entry.sha256, entry.size, blobs)
                if entry.path == RUNTIME_LIBRARY:
                    check_packed(blobs.path(entry.sha256))


def _publish(registry: Registry, blobs: Blobs, candidate: Candidate) -> Artifact:
    artifact = registry.receive(lambda entry: blobs.path(entry.sha256), candidate.manifest, IMPORTED)
    return with_claims(registry, artifact, candidate)
