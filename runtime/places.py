"""From a reference to the place that it is loaded from: a folder, a bundle, the registry, or an OCI registry."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

from zcc.runtime.bundle import Bundle
from zcc.runtime.distribution import how_to_install
from zcc.runtime.errors import UsageError
from zcc.runtime.manifest import FILENAME, Manifest
from zcc.runtime.naming import SUFFIX, is_path
from zcc.runtime.remotes.address import is_address
from zcc.runtime.source import ArtifactSource, Candidate

SOURCES = "zcc.sources"


class Folder:
    """Loads the one artifact that lies in a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def variants(self, reference: str) -> Sequence[Candidate]:
        """The artifact, whatever the reference."""
        return [Candidate(Manifest.read(self._path), self._path)]

    def folder(self, candidate: Candidate) -> Path:
        """Where it lies."""
        return candidate.folder


def find_source(reference: str | os.PathLike[str], registry: str | None) -> ArtifactSource:
    """The folder, the bundle or the registry that the reference leads to."""
    if is_address(reference):
        # Imported where it is wanted: the wire takes longer to import than an artifact to load.
        from zcc.runtime.remotes.source import open_remote

        return open_remote(os.fspath(reference))
    if not is_path(reference):
        return _open_source(registry)
    name, path = os.fspath(reference), Path(reference)
    if (path / FILENAME).is_file():
        return Folder(path)
    if name.endswith(SUFFIX):
        return Bundle(path)
    remedy = f"give its folder, a bundle FILE{SUFFIX}, or a name"
    raise UsageError(f"{name} is no artifact: there is no {FILENAME} in it", remedy)


def _open_source(registry: str | None) -> ArtifactSource:
    """The registry, when it is installed."""
    problem = "artifacts cannot be loaded by name"
    remedy = f"give the path of an artifact or a bundle, or install the registry, {how_to_install('compiler')}"
    for entry in entry_points(group=SOURCES):
        try:
            source: ArtifactSource = entry.load()(registry)
        except ModuleNotFoundError as error:
            lacking = f"{problem}: the registry needs {error.name}, which is not installed"
            raise UsageError(lacking, remedy) from error
        return source
    raise UsageError(f"{problem}: no registry is installed", remedy)
