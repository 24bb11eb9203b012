"""Which artifact a command about one artifact means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from zcc.registry import Artifact, Registry


def pick(registry: Registry, ref: str, dtype: str | None, target: str | None) -> Artifact:
    """Of the variants REF means, the one this machine would run; where none runs here, the only one.

    REF is a name of the registry's, or the path of a bundle or of an artifact's folder.
    """
    from zcc.registry.search import only
    from zcc.runtime.choice import choose
    from zcc.runtime.obstacles import obstacle

    found = meant(registry, ref, dtype, target)
    running = {each.digest: each for each in found if each.barred is None and obstacle(each.manifest) is None}
    if not running:
        return only(ref, found)
    chosen = choose(ref, [artifact.candidate for artifact in running.values()])
    return running[chosen.manifest.digest]


def pick_runnable(
    registry: Registry, ref: str, dtype: str | None, target: str | None, prefer: str = "fastest"
) -> Artifact:
    """Of the variants REF means, the one this machine runs; an IncompatibleHost where there is none."""
    from zcc.runtime.choice import choose

    found = {artifact.digest: artifact for artifact in meant(registry, ref, dtype, target)}
    chosen = choose(ref, [artifact.candidate for artifact in found.values()], prefer=prefer)
    return found[chosen.manifest.digest]


def folder_of(registry: Registry, ref: str, artifact: Artifact) -> Path:
    """The folder to load an artifact from that was picked by this REF."""
    from zcc.runtime.cache import written_into_cache
    from zcc.runtime.manifest import FILENAME
    from zcc.runtime.naming import is_path
    from zcc.runtime.places import find_source

    if not is_path(ref):
        return registry.folder(artifact)
    folder = find_source(ref, None).folder(artifact.candidate)
    if not (folder / FILENAME).is_file():  # a bundle has its files unpacked, and keeps its manifests to itself
        with written_into_cache(folder / FILENAME) as writer:
            writer.write(artifact.manifest.to_json().encode())
    return folder


def meant(registry: Registry, ref: str, dtype: str | None, target: str | None) -> list[Artifact]:
    """Every variant that REF means, at a path or in the registry."""
    from zcc.runtime.naming import is_path

    return _in_file(ref, dtype, target) if is_path(ref) else registry.find(ref, dtype, target)


def _in_file(ref: str, dtype: str | None, target: str | None) -> list[Artifact]:
    """The variants that lie at a path, which no registry need hold."""
    from zcc.registry.artifact import Artifact, Recorded
    from zcc.registry.rows import IMPORTED
    from zcc.registry.search import fitting
    from zcc.runtime.places import find_source

    found = [
        Artifact(
            each.manifest.digest,
            each.manifest,
            each.folder,
            recorded=tuple(Recorded(figure, each.manifest.created, IMPORTED) for figure in each.claimed),
            origin=IMPORTED if each.foreign else None,
            envelopes=each.envelopes,
            barred=each.barred,
        )
        for each in find_source(ref, None).variants(ref)
    ]
    return fitting(ref, found, dtype, target)
