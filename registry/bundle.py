"""Bundles as the registry writes and reads them; what is in one is told in zcc.runtime.bundle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile, ZipInfo

from zcc.registry.artifact import Artifact
from zcc.registry.reference import check_name
from zcc.registry.registry import Registry
from zcc.registry.rows import IMPORTED
from zcc.runtime.aside import written_out
from zcc.runtime.bundle import CHUNK, FORMAT, INDEX, Bundle, member
from zcc.runtime.errors import CorruptArtifact, NotFound, RegistryError, UsageError
from zcc.runtime.expansion import check_expansion
from zcc.runtime.manifest import FileEntry, Manifest, renamed
from zcc.runtime.naming import SUFFIX
from zcc.runtime.regular import open_regular
from zcc.runtime.source import Candidate
from zcc.runtime.trust.envelope import check_form


def export_bundle(
    registry: Registry, references: Sequence[str], path: Path, dtype: str | None = None, target: str | None = None
) -> list[Artifact]:
    """Write what the references mean to `path`, whole or not at all; the same artifacts make the same bytes."""
    if path.suffix != SUFFIX:
        raise UsageError(f"{path} is no name for a bundle", f"let it end in {SUFFIX}")
    found = {artifact.digest: artifact for ref in references for artifact in registry.find(ref, dtype, target)}
    chosen = [found[digest] for digest in sorted(found)]
    _check_distinct(chosen)
    with written_out(path, "choose another place") as stream, ZipFile(stream, "w") as archive:
        archive.writestr(ZipInfo(INDEX), _index([artifact.candidate for artifact in chosen]))
        for source, entry in _files(registry, chosen):
            _add(archive, source, entry)
    return chosen


def import_bundle(
    registry: Registry, bundle: Bundle, name: str | None = None, changing: bool = False
) -> list[Artifact]:
    """Publish every variant of the bundle, under its own name or another one, with what was measured of it elsewhere.

    Nothing is published unless all of it is sound; nor, unless told that it may be `changing`, when a name that is
    there would come to mean something else. Under another name an artifact has another digest.
    """
    if name is not None:
        check_name(name)
    found = [named(candidate, name) for candidate in bundle.variants()]
    if not changing:
        check_meanings(registry, [candidate.manifest for candidate in found])
    with TemporaryDirectory() as place:
        folders = [bundle.unpack(each, Path(place) / str(number)) for number, each in enumerate(found)]
        return [
            with_claims(registry, registry.publish(folder, each.manifest, origin=IMPORTED), each)
            for folder, each in zip(folders, found, strict=True)
        ]


def named(candidate: Candidate, name: str | None) -> Candidate:
    """The variant under a name, as it can be published."""
    manifest = candidate.manifest if name is None else renamed(candidate.manifest, name)
    check_name(manifest.name)
    check_expansion(manifest)
    # Under another name it is another artifact, which nobody signed.
    envelopes = candidate.envelopes if manifest.digest == candidate.manifest.digest else ()
    return replace(candidate, manifest=manifest, envelopes=envelopes)


def with_claims(registry: Registry, artifact: Artifact, candidate: Candidate) -> Artifact:
    """The artifact, once what was measured of it elsewhere is recorded as that."""
    known = {recorded.measurement for recorded in artifact.recorded}
    if candidate.envelopes:
        registry.add_envelopes(artifact.digest, candidate.envelopes)
    for figure in candidate.claimed:
        if figure not in known:
            registry.record_measurement(artifact.digest, figure, IMPORTED)
    return artifact


def check_meanings(registry: Registry, manifests: Sequence[Manifest]) -> None:
    """Refuse to change what a name that is there means, be it the start of a digest."""
    for name in sorted({manifest.name for manifest in manifests}):
        new = {manifest.digest for manifest in manifests if manifest.name == name}
        try:
            meant = {artifact.digest: artifact.label for artifact in registry.find(name)}
        except NotFound:
            continue
        if not new <= meant.keys():
            problem = f"{name} means {len(meant)} artifacts here, and would mean others: {', '.join(meant.values())}"
            remedy = "--name NAME imports under another name, --yes lets the name change its meaning"
            raise RegistryError(problem, remedy)


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
    return json.dumps({"format": FORMAT, "variants": [_entry(each) for each in candidates]}, ensure_ascii=False)


def _entry(candidate: Candidate) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "manifest": candidate.manifest.text,
        "measured": [asdict(figure) for figure in (*candidate.claimed, *candidate.measured)],
    }
    for envelope in candidate.envelopes:
        check_form(envelope)
    signatures = [envelope.decode() for envelope in candidate.envelopes]
    return {**entry, **({"signatures": signatures} if signatures else {})}


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
        whole = os.fstat(reader.fileno()).st_size == entry.size
        while whole and (chunk := reader.read(CHUNK)):
            digest.update(chunk)
            writer.write(chunk)
    if digest.hexdigest() != entry.sha256:
        raise CorruptArtifact(f"{source} is not the file that was published", "run `zcc verify`, compile again")


def _opened(source: Path) -> BufferedReader:
    try:
        return open_regular(source)
    except OSError as error:
        raise CorruptArtifact(f"{source} cannot be read: {error.strerror}", "compile the model again") from error
