"""The registry as the runtime sees it, found through the entry point `zcc.sources`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zcc.registry.registry import Registry
from zcc.runtime.source import ArtifactSource, Candidate


class RegistrySource:
    """Loads from a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def variants(self, reference: str) -> Sequence[Candidate]:
        """Every variant the reference means, its files in their folder."""
        found = self._registry.find(reference)
        for artifact in found:
            self._registry.folder(artifact)
        return [artifact.candidate for artifact in found]

    def folder(self, candidate: Candidate) -> Path:
        """The variant's folder, which was made when it was found."""
        return candidate.folder


def open_source(url: str | None) -> ArtifactSource:
    """The registry at `url`, or the default one."""
    return RegistrySource(Registry.open(url))
