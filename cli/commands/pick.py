"""Which artifact a command about one artifact means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zcc.registry import Artifact, Registry


def pick(registry: Registry, ref: str, dtype: str | None, target: str | None) -> Artifact:
    """Of the variants REF means, the one this machine would run; where none runs here, the only one."""
    from zcc.registry.search import only
    from zcc.runtime.choice import choose
    from zcc.runtime.obstacles import obstacle

    found = registry.find(ref, dtype, target)
    running = {artifact.digest: artifact for artifact in found if obstacle(artifact.manifest) is None}
    if not running:
        return only(ref, found)
    chosen = choose(ref, [artifact.candidate for artifact in running.values()])
    return running[chosen.manifest.digest]


def pick_runnable(
    registry: Registry, ref: str, dtype: str | None, target: str | None, prefer: str = "fastest"
) -> Artifact:
    """Of the variants REF means, the one this machine runs; an IncompatibleHost where there is none."""
    from zcc.runtime.choice import choose

    found = {artifact.digest: artifact for artifact in registry.find(ref, dtype, target)}
    chosen = choose(ref, [artifact.candidate for artifact in found.values()], prefer=prefer)
    return found[chosen.manifest.digest]
