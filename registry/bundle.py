"""Bundles as the registry writes and reads them; what is in one is told in zcc.runtime.bundle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from zipfile import ZipFile, ZipInfo

from zcc.registry.artifact import Artifact
from zcc.registry.registry import Registry
from zcc.runtime.aside import written_aside
from zcc.runtime.bundle import CHUNK, FORMAT, INDEX, Bundle, member
from zcc.runtime.errors import CorruptArtifact, UsageError
from zcc.runtime.manifest import FileEntry
from zcc.runtime.naming import SUFFIX
from zcc.runtime.source import Candidate


def export_bundle(
    registry: Registry, references: Sequence[str], path: Path, dtype: str | None = None, target: str | None = None
) -> list[Artifact]:
    """Write what the references mean to `path`, whole or not at all; the same artifacts make the same bytes."""
    if path.suffix != SUFFIX:
        raise UsageError(f"{path} is no name for a bundle", f"let it end in {SUFFIX}")
    found = {artifact.digest: artifact for ref in references for artifact in registry.find(ref, dtype, target)}
    chosen = [found[digest] for digest in sorted(found)]
    _check_distinct(chosen)
    with written_aside(path, "choose another place") as stream, ZipFile(stream, "w") as archive:
        archive.writestr(ZipInfo(INDEX), _index([artifact.candidate for artifact in chosen]))
        for source, entry in _files(registry, chosen):
            _add(archive, source, entry)
    return chosen


def import_bundle(registry: Registry, bundle: Bundle) -> list[Artifact]:
    """Publish every variant of the bundle, and record what was measured of it since it was built."""
    published = []
    for candidate in bundle.variants():
        with TemporaryDirectory() as folder:
            artifact = registry.publish(bundle.unpack(candidate, Path(folder)), candidate.manifest)
        known = {recorded.measurement for recorded in artifact.recorded}
        for figure in candidate.measured:
            if figure not in known:
                registry.record_measurement(artifact.digest, figure)
        published.append(artifact)
    return published


def _check_distinct(artifacts: Sequence[Artifact]) -> None:
    """A detector that is loaded from the bundle must know by dtype and target which variant is meant."""
    names = {artifact.manifest.name for artifact in artifacts}
    if len(names) > 1:
        raise UsageError(f"a bundle holds one name, not {', '.join(sorted(names))}", "export each to its own file")
    seen: dict[tuple[str, str], Artifact] = {}
    for artifact in artifacts:
        twin = seen.setdefault((artifact.manifest.dtype, artifact.manifest.target), artifact)
        if twin is not artifact:
            problem = f"a bundle holds one of each dtype and target, not {twin.label} and {artifact.label}"
            raise UsageError(problem, "leave one out")


def _index(candidates: Sequence[Candidate]) -> str:
    variants = [
        {"manifest": each.manifest.text, "measured": [asdict(figure) for figure in each.measured]}
        for each in candidates
    ]
    return json.dumps({"format": FORMAT, "variants": variants}, ensure_ascii=False)


def _files(registry: Registry, artifacts: Sequence[Artifact]) -> Iterator[tuple[Path, FileEntry]]:
    """Every file of the artifacts once, and where it lies."""
    seen = set()
    for artifact in artifacts:
        folder = registry.folder(artifact)
        for entry in artifact.manifest.files:
            if entry.sha256 not in seen:
                seen.add(entry.sha256)
                yield folder / entry.path, entry


def _add(archive: ZipFile, source: Path, entry: FileEntry) -> None:
    digest, info = hashlib.sha256(), ZipInfo(member(entry))
    info.file_size = entry.size
    with _opened(source) as reader, archive.open(info, "w") as writer:
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
            writer.write(chunk)
    if digest.hexdigest() != entry.sha256:
        raise CorruptArtifact(f"{source} is not the file that was published", "run `zcc verify`, compile again")


def _opened(source: Path) -> IO[bytes]:
    try:
        return source.open("rb")
    except OSError as error:
        raise CorruptArtifact(f"{source} cannot be read: {error.strerror}", "compile the model again") from error
