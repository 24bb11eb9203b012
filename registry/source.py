"""The registry as the runtime sees it, found through the entry point `zcc.sources`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zcc.registry.registry import Registry
from zcc.runtime.source import ArtifactSource, Candidate

PATIENCE = 2  # seconds that a look at the revision waits for a writer


class RegistrySource:
    """Loads from a registry."""

    def __init__(self, place: str | None) -> None:
        self._registry = Registry.open(place)
        self._asked_often = Registry.open(place, patience=PATIENCE)

    def variants(self, reference: str) -> Sequence[Candidate]:
        """Every variant the reference means, its files in their folder."""
        found = self._registry.find(reference)
        for artifact in found:
            self._registry.folder(artifact)
        return [artifact.candidate for artifact in found]

    def folder(self, candidate: Candidate) -> Path:
        """The variant's folder, which was made when it was found."""
        return candidate.folder

    def revision(self) -> object:
        """What every write to the index changes, by one query."""
        return self._asked_often.revision()


def open_source(url: str | None) -> ArtifactSource:
    """The registry at `url`, or the default one."""
    return RegistrySource(url)
