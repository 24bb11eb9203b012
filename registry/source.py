"""The registry as the runtime sees it, found through the entry point `zcc.sources`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zcc.registry.registry import Registry
from zcc.runtime.manifest import Manifest
from zcc.runtime.source import ArtifactSource


class RegistrySource:
    """Loads from a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def variants(self, reference: str) -> Sequence[tuple[Manifest, Path]]:
        """Every variant the reference means, with the folder its files lie in."""
        return [(found.manifest, self._registry.folder(found)) for found in self._registry.find(reference)]


def open_source(url: str | None) -> ArtifactSource:
    """The registry at `url`, or the default one."""
    return RegistrySource(Registry.open(url))
