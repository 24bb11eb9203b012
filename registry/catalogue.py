"""The artifacts in the index, seen and changed within one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from zcc.registry import tags
from zcc.registry.artifact import Artifact, Recorded, Unreadable
from zcc.registry.rows import FOUND, REPEATED, read_artifact, read_figure
from zcc.registry.schema import artifacts, measurements, registry, removed
from zcc.runtime.errors import NotFound, ZccError
from zcc.runtime.manifest import Manifest, Measurement
from zcc.runtime.rules import brief

Tagged = defaultdict[str, list[str]]  # tags by digest
Figures = defaultdict[str, list[Any]]  # rows of measurements by digest


class Catalogue:
    """Artifacts through one connection; `folder_of` says where the files of a digest lie."""

    def __init__(self, connection: Connection, folder_of: Callable[[str], Path]) -> None:
        self.connection = connection
        self._folder_of = folder_of

    def select(self, *conditions: ColumnElement[bool]) -> list[Artifact]:
        """The artifacts that meet every condition, the last published first; an error where one cannot be read."""
        rows = self._rows(*conditions)
        if not rows:
            return []
        tagged, figures = self._tagged(), self._figures()
        return [self._read(row, tagged, figures) for row in rows]

    def listed(self) -> list[Artifact | Unreadable]:
        """Everything there is, the last published first; what cannot be read takes its own place and no other."""
        rows, told = self._rows(), []
        try:
            tagged = self._tagged()
        except ZccError as error:
            tagged, told = defaultdict(list), [Unreadable("", "tags", error.problem)]
        figures = self._figures()
        return [*(self._read_or_tell(row, tagged, figures) for row in rows), *told]

    def _rows(self, *conditions: ColumnElement[bool]) -> Sequence[Any]:
        query = select(artifacts).where(*conditions).order_by(artifacts.c.turn.desc(), artifacts.c.digest)
        return self.connection.execute(query).all()

    def _read(self, row: Any, tagged: Tagged, figures: Figures) -> Artifact:
        return Artifact(
            row.digest,
            read_artifact(row),
            self._folder_of(row.digest),
            tuple(sorted(tagged[row.digest])),
            tuple(Recorded(read_figure(each), each.measured, each.origin) for each in figures[row.digest]),
            row.origin,
        )

    def _read_or_tell(self, row: Any, tagged: Tagged, figures: Figures) -> Artifact | Unreadable:
        try:
            return self._read(row, tagged, figures)
        except ZccError as error:
            return Unreadable(brief(row.digest), brief(row.name), error.problem)

    def get(self, digest: str) -> Artifact:
        """The artifact with exactly this digest."""
        for artifact in self.select(artifacts.c.digest == digest):
            return artifact
        raise NotFound(f"there is no artifact {digest}", "zcc list shows what there is")

    def holds(self, digest: str) -> bool:
        """Whether the artifact is published here, whatever else is known of it."""
        return self.connection.scalar(select(artifacts.c.digest).where(artifacts.c.digest == digest)) is not None

    def manifests(self, *conditions: ColumnElement[bool]) -> dict[str, Manifest]:
        """The manifests of artifacts by digest; an error where one cannot be read."""
        rows = self.connection.execute(select(artifacts).where(*conditions)).all()
        return {row.digest: read_artifact(row) for row in rows}

    def removals(self) -> frozenset[str]:
        """The digests of what was removed and never published again."""
        return frozenset(self.connection.scalars(select(removed.c.digest)))

    def digests(self) -> frozenset[str]:
        """The digests of everything published, unchecked."""
        return frozenset(self.connection.scalars(select(artifacts.c.digest)))

    def add(self, manifest: Manifest, origin: str | None = None) -> None:
        """Add the artifact, or make the one that is there the last published; what is built here stays so."""
        digest, here = manifest.digest, {"origin": None} if origin is None else {}
        values = {**{name: getattr(manifest, name) for name in REPEATED}, "manifest": manifest.to_json()}
        self.connection.execute(delete(removed).where(removed.c.digest == digest))
        if self.holds(digest):
            self.make_last(digest)
            self.connection.execute(update(artifacts).where(artifacts.c.digest == digest).values(**values, **here))
        else:
            row = insert(artifacts).values(digest=digest, turn=self._turn(), origin=origin, **values)
            self.connection.execute(row)

    def restore(self, manifest: Manifest) -> None:
        """Write the row of an artifact anew, of which nothing but its digest can be believed."""
        figures = self.connection.execute(select(measurements).where(measurements.c.digest == manifest.digest)).all()
        for row in figures:
            try:
                read_figure(row)
            except ZccError:
                self.connection.execute(delete(measurements).where(measurements.c.id == row.id))
        values = {**{name: getattr(manifest, name) for name in REPEATED}, "manifest": manifest.to_json()}
        same = artifacts.c.digest == manifest.digest
        self.connection.execute(update(artifacts).where(same).values(**values, origin=FOUND, turn=self._turn()))

    def make_last(self, digest: str) -> None:
        """Let the artifact count as the last published of its name."""
        self.connection.execute(update(artifacts).where(artifacts.c.digest == digest).values(turn=self._turn()))

    def remove(self, digest: str) -> None:
        """Drop the artifact and its figures; its files and its place in the histories of tags stay."""
        self.connection.execute(delete(measurements).where(measurements.c.digest == digest))
        self.connection.execute(delete(artifacts).where(artifacts.c.digest == digest))
        self.connection.execute(insert(removed).values(digest=digest, moved=tags.now()))

    def record(self, digest: str, measurement: Measurement, origin: str | None = None) -> None:
        """Add a figure to those of the artifact."""
        self.connection.execute(
            insert(measurements).values(
                digest=digest,
                metric=measurement.metric,
                value=float(measurement.value),
                how=measurement.how,
                measured=tags.now(),
                origin=origin,
            )
        )

    def _turn(self) -> int:
        return int(self.connection.execute(select(registry.c.turn)).scalar_one())

    def _tagged(self) -> Tagged:
        tagged: Tagged = defaultdict(list)
        for move in tags.standing(self.connection):
            for digest in move.digests:
                tagged[digest].append(move.tag)
        return tagged

    def _figures(self) -> Figures:
        figures: Figures = defaultdict(list)
        for row in self.connection.execute(select(measurements).order_by(measurements.c.id)):
            figures[row.digest].append(row)
        return figures
