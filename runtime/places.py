"""From a reference to the place that it is loaded from: a folder, a bundle, the registry, or an OCI registry."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path

from zcc.runtime.bundle import Bundle
from zcc.runtime.distribution import NAME, how_to_install
from zcc.runtime.errors import UsageError
from zcc.runtime.manifest import FILENAME, Manifest
from zcc.runtime.naming import SUFFIX, is_path
from zcc.runtime.remotes.address import is_address
from zcc.runtime.source import ArtifactSource, Candidate
from zcc.runtime.trust.beside import read_beside

SOURCES = "zcc.sources"
VARIABLE = "ZCC_POLICY"  # names the file of the policy that all artifacts are under


class Folder:
    """Loads the one artifact that lies in a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def variants(self, reference: str) -> Sequence[Candidate]:
        """The artifact, whatever the reference."""
        return [Candidate(Manifest.read(self._path), self._path, envelopes=read_beside(self._path))]

    def folder(self, candidate: Candidate) -> Path:
        """Where it lies."""
        return candidate.folder


def find_source(
    reference: str | os.PathLike[str], registry: str | None, policy: str | os.PathLike[str] | None = None
) -> ArtifactSource:
    """The place that the reference leads to, under the policy in a file, or in the one that ZCC_POLICY names."""
    source = _place_of(reference, registry)
    if policy is None and not os.environ.get(VARIABLE):
        return source
    from zcc.runtime.trust.guard import guarded

    return guarded(source, policy or os.environ[VARIABLE])


def is_single(source: ArtifactSource) -> bool:
    """Whether it holds one artifact and will never hold another."""
    return isinstance(getattr(source, "guarded", source), Folder)


def _place_of(reference: str | os.PathLike[str], registry: str | None) -> ArtifactSource:
    """The folder, the bundle, the registry here or an OCI registry."""
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


def _entries() -> Iterable[EntryPoint]:
    """The sources that zcc itself brings; asking every package that is installed would take longer than loading."""
    found: Iterable[EntryPoint]
    try:
        found = (_own_metadata() or distribution(NAME)).entry_points.select(group=SOURCES)
    except PackageNotFoundError:
        found = entry_points(group=SOURCES)
    return found


def _own_metadata() -> Distribution | None:
    """What `distribution` finds, too, after it has made a list of everything that lies in folders of packages."""
    begin = f"{NAME.replace('-', '_')}-"
    for folder in (each for each in sys.path if Path(each).is_dir() and os.access(each, os.R_OK)):
        with os.scandir(folder) as found:
            for each in found:
                if each.name.startswith(begin) and each.name.endswith(".dist-info"):
                    return Distribution.at(each.path)
    return None


def _open_source(registry: str | None) -> ArtifactSource:
    """The registry, when it is installed."""
    problem = "artifacts cannot be loaded by name"
    remedy = f"give the path of an artifact or a bundle, or install the registry, {how_to_install('compiler')}"
    for entry in _entries():
        try:
            source: ArtifactSource = entry.load()(registry)
        except ModuleNotFoundError as error:
            lacking = f"{problem}: the registry needs {error.name}, which is not installed"
            raise UsageError(lacking, remedy) from error
        return source
    raise UsageError(f"{problem}: no registry is installed", remedy)
