"""The registry as the runtime sees it, found through the entry point `zcc.sources`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from zcc.registry.location import locate
from zcc.registry.lookup import find_by_name
from zcc.runtime.manifest import FILENAME
from zcc.runtime.source import ArtifactSource, Candidate

if TYPE_CHECKING:
    from zcc.registry.artifact import Artifact
    from zcc.registry.reading import Reading

PATIENCE = 2  # seconds that a look at the revision waits for a writer


class RegistrySource:
    """Loads from a registry."""

    def __init__(self, place: str | None) -> None:
        self._place, self._location = place, locate(place)

    def variants(self, reference: str) -> Sequence[Candidate]:
        """Every variant the reference means, its files in their folder."""
        return find_by_name(self._location, reference) or self._looked_closer(reference)

    def _looked_closer(self, reference: str) -> list[Candidate]:
        found = self._registry.find(reference)
        lacking = [artifact for artifact in found if not (artifact.folder / FILENAME).is_file()]
        if lacking:
            self._make(lacking)
        return [artifact.candidate for artifact in found]

    def _make(self, lacking: Sequence[Artifact]) -> None:
        from zcc.registry.registry import Registry

        for artifact in lacking:
            Registry.open(self._place).folder(artifact)

    def folder(self, candidate: Candidate) -> Path:
        """The variant's folder, which was made when it was found."""
        return candidate.folder

    def revision(self) -> object:
        """What every write to the index changes, by one query."""
        return self._asked_often.revision()

    @cached_property
    def _registry(self) -> Reading:
        from zcc.registry.index import Index
        from zcc.registry.reading import Reading

        return Reading(Index(self._location))

    @cached_property
    def _asked_often(self) -> Reading:
        from zcc.registry.index import Index
        from zcc.registry.reading import Reading

        return Reading(Index(self._location, PATIENCE))


def open_source(url: str | None) -> ArtifactSource:
    """The registry at `url`, or the default one."""
    return RegistrySource(url)
