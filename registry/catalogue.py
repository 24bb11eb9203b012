"""The artifacts in the index, seen and changed within one transaction."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from zcc.registry import tags
from zcc.registry.artifact import Artifact, Recorded
from zcc.registry.schema import artifacts, measurements, registry
from zcc.runtime.errors import CorruptArtifact, NotFound
from zcc.runtime.manifest import Manifest, Measurement


class Catalogue:
    """Artifacts through one connection; `folder_of` says where the files of a digest lie."""

    def __init__(self, connection: Connection, folder_of: Callable[[str], Path]) -> None:
        self.connection = connection
        self._folder_of = folder_of

    def select(self, *conditions: ColumnElement[bool]) -> list[Artifact]:
        """The artifacts that meet every condition, the last published first."""
        query = select(artifacts.c.digest, artifacts.c.manifest).where(*conditions)
        rows = self.connection.execute(query.order_by(artifacts.c.turn.desc(), artifacts.c.digest)).all()
        if not rows:
            return []
        tagged, recorded = self._tagged(), self._recorded()
        return [
            Artifact(
                digest,
                manifest_of(digest, text),
                self._folder_of(digest),
                tuple(sorted(tagged[digest])),
                tuple(recorded[digest]),
            )
            for digest, text in rows
        ]

    def get(self, digest: str) -> Artifact:
        """The artifact with exactly this digest."""
        for artifact in self.select(artifacts.c.digest == digest):
            return artifact
        raise NotFound(f"there is no artifact {digest}", "zcc list shows what there is")

    def texts(self, *conditions: ColumnElement[bool]) -> dict[str, str]:
        """The manifests of artifacts by digest, as stored, unchecked."""
        rows = self.connection.execute(select(artifacts.c.digest, artifacts.c.manifest).where(*conditions))
        return {row.digest: row.manifest for row in rows}

    def add(self, digest: str, manifest: Manifest, text: str) -> None:
        """Add the artifact, or make the one that is there the last published."""
        if self.connection.scalar(select(artifacts.c.digest).where(artifacts.c.digest == digest)):
            self.make_last(digest)
            return
        values = {name: getattr(manifest, name) for name in ("name", "dtype", "target", "fingerprint")}
        self.connection.execute(insert(artifacts).values(digest=digest, turn=self._turn(), manifest=text, **values))

    def make_last(self, digest: str) -> None:
        """Let the artifact count as the last published of its name."""
        self.connection.execute(update(artifacts).where(artifacts.c.digest == digest).values(turn=self._turn()))

    def remove(self, digest: str) -> None:
        """Drop the artifact and its figures; its files and its place in the histories of tags stay."""
        self.connection.execute(delete(measurements).where(measurements.c.digest == digest))
        self.connection.execute(delete(artifacts).where(artifacts.c.digest == digest))

    def record(self, digest: str, measurement: Measurement) -> None:
        """Add a figure to those of the artifact."""
        self.connection.execute(
            insert(measurements).values(
                digest=digest,
                metric=measurement.metric,
                value=float(measurement.value),
                how=measurement.how,
                measured=tags.now(),
            )
        )

    def _turn(self) -> int:
        return int(self.connection.execute(select(registry.c.turn)).scalar_one())

    def _tagged(self) -> defaultdict[str, list[str]]:
        tagged: defaultdict[str, list[str]] = defaultdict(list)
        for move in tags.standing(self.connection):
            for digest in move.digests:
                tagged[digest].append(move.tag)
        return tagged

    def _recorded(self) -> defaultdict[str, list[Recorded]]:
        recorded: defaultdict[str, list[Recorded]] = defaultdict(list)
        for row in self.connection.execute(select(measurements).order_by(measurements.c.id)):
            figure = Measurement(row.metric, row.value, row.how)
            recorded[row.digest].append(Recorded(figure, row.measured))
        return recorded


def manifest_of(digest: str, text: str) -> Manifest:
    """The manifest in `text`, which must be the one the digest was taken over."""
    if digest != "sha256:" + hashlib.sha256(text.encode()).hexdigest():
        raise CorruptArtifact(
            f"the index holds a changed manifest for {digest[:19]}", "restore the index from a backup"
        )
    return Manifest.from_json(text, f"the manifest of {digest[:19]}")
