"""The artifacts in the index, seen and changed within one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zcc.registry import tags
from zcc.registry.artifact import Artifact, Recorded, Unreadable
from zcc.registry.database import Transaction
from zcc.registry.rows import FOUND, REPEATED, read_artifact, read_figure
from zcc.registry.summaries import summary_of
from zcc.registry.tables import LAST_FIRST, every, named, select
from zcc.runtime.errors import NotFound, ZccError
from zcc.runtime.manifest import Manifest, Measurement
from zcc.runtime.rules import brief
from zcc.runtime.trust.beside import read_beside

Rows = Sequence[Mapping[str, Any]]
Tagged = Mapping[str, Sequence[str]]  # tags by digest
Figures = defaultdict[str, list[Mapping[str, Any]]]  # rows of measurements by digest


class Catalogue:
    """Artifacts in one transaction; `folder_of` says where the files of a digest lie."""

    def __init__(self, transaction: Transaction, folder_of: Callable[[str], Path]) -> None:
        self.transaction = transaction
        self._folder_of = folder_of

    def select(self, condition: str = "1 = 1", **values: Any) -> list[Artifact]:
        """The artifacts that meet the condition, the last published first; an error where one cannot be read."""
        return self._read_all(every(self.transaction, "artifacts", f"WHERE {condition} {LAST_FIRST}", **values))

    def among(self, digests: Sequence[str]) -> list[Artifact]:
        """The artifacts of these digests that are published, the last published first."""
        wanted = select("artifacts", f"WHERE digest IN (:among) {LAST_FIRST}")
        return self._read_all(named("artifacts", self.transaction.rows_in(wanted, list(digests))))

    def listed(self, digests: Sequence[str] | None = None) -> list[Artifact | Unreadable]:
        """Everything there is, the last published first; what cannot be read takes its own place and no other."""
        if digests is None:
            rows: Rows = every(self.transaction, "artifacts", LAST_FIRST)
        else:
            found = self.transaction.rows_in(select("artifacts", "WHERE digest IN (:among)"), list(digests))
            by_digest = {row["digest"]: row for row in named("artifacts", found)}
            rows = [by_digest[digest] for digest in digests if digest in by_digest]
        told: list[Artifact | Unreadable] = []
        try:
            tagged = tags.tags_by_digest(self.transaction)
        except ZccError as error:
            tagged, told = {}, [Unreadable("", "tags", error.problem)]
        figures = self._figures(rows)
        return [*(self._read_or_tell(row, tagged, figures) for row in rows), *told]

    def _read_all(self, rows: Rows) -> list[Artifact]:
        if not rows:
            return []
        tagged, figures = tags.tags_by_digest(self.transaction), self._figures(rows)
        return [self._read(row, tagged, figures) for row in rows]

    def _read(self, row: Mapping[str, Any], tagged: Tagged, figures: Figures) -> Artifact:
        manifest = read_artifact(row)  # first: of a damaged row not even the digest is one
        digest, folder = row["digest"], self._folder_of(row["digest"])
        return Artifact(
            digest,
            manifest,
            folder,
            tuple(sorted(tagged.get(digest, ()))),
            tuple(Recorded(read_figure(each), each["measured"], each["origin"]) for each in figures[digest]),
            row["origin"],
            read_beside(folder),
        )

    def _read_or_tell(self, row: Mapping[str, Any], tagged: Tagged, figures: Figures) -> Artifact | Unreadable:
        try:
            return self._read(row, tagged, figures)
        except ZccError as error:
            return Unreadable(brief(row["digest"]), brief(row["name"]), error.problem)

    def get(self, digest: str) -> Artifact:
        """The artifact with exactly this digest."""
        for artifact in self.select("digest = :digest", digest=digest):
            return artifact
        raise NotFound(f"there is no artifact {digest}", "zcc list shows what there is")

    def holds(self, digest: str) -> bool:
        """Whether the artifact is published here, whatever else is known of it."""
        return bool(self.transaction.rows("SELECT 1 FROM artifacts WHERE digest = :digest", digest=digest))

    def manifests(self) -> dict[str, Manifest]:
        """The manifests of all artifacts by digest; an error where one cannot be read."""
        return {row["digest"]: read_artifact(row) for row in every(self.transaction, "artifacts")}

    def removals(self) -> frozenset[str]:
        """The digests of what was removed and never published again."""
        return frozenset(self.transaction.column("SELECT digest FROM removed"))

    def digests(self) -> frozenset[str]:
        """The digests of everything published, unchecked."""
        return frozenset(self.transaction.column("SELECT digest FROM artifacts"))

    def add(self, manifest: Manifest, origin: str | None = None) -> None:
        """Add the artifact, or make the one that is there the last published; what is built here stays so."""
        digest = manifest.digest
        self.transaction.do("DELETE FROM removed WHERE digest = :digest", digest=digest)
        if self.holds(digest):
            self.make_last(digest)
            self._write(manifest, {"origin": None} if origin is None else {})
        else:
            turn = self._turn()
            values = {**_values(manifest), "digest": digest, "turn": turn, "origin": origin}
            self.transaction.insert("artifacts", **values)
            self._summarize(manifest)

    def restore(self, manifest: Manifest) -> None:
        """Write the row of an artifact anew, of which nothing but its digest can be believed."""
        for row in every(self.transaction, "measurements", "WHERE digest = :digest", digest=manifest.digest):
            try:
                read_figure(row)
            except ZccError:
                self.transaction.do("DELETE FROM measurements WHERE id = :id", id=row["id"])
        self._write(manifest, {"origin": FOUND, "turn": self._turn()})

    def make_last(self, digest: str) -> None:
        """Let the artifact count as the last published of its name."""
        sql = "UPDATE artifacts SET turn = :turn WHERE digest = :digest"
        self.transaction.do(sql, turn=self._turn(), digest=digest)

    def remove(self, digest: str) -> None:
        """Drop the artifact and its figures; its files and its place in the histories of tags stay."""
        for table in ("measurements", "summaries", "artifacts"):
            self.transaction.do(f"DELETE FROM {table} WHERE digest = :digest", digest=digest)
        self.transaction.insert("removed", digest=digest, moved=tags.now())

    def record(self, digest: str, measurement: Measurement, origin: str | None = None) -> None:
        """Add a figure to those of the artifact."""
        self.transaction.insert(
            "measurements",
            digest=digest,
            metric=measurement.metric,
            value=float(measurement.value),
            how=measurement.how,
            measured=tags.now(),
            origin=origin,
        )

    def _write(self, manifest: Manifest, more: Mapping[str, Any]) -> None:
        values = {**_values(manifest), **more}
        columns = ", ".join(f"{name} = :{name}" for name in values)
        self.transaction.do(f"UPDATE artifacts SET {columns} WHERE digest = :digest", **values, digest=manifest.digest)
        self._summarize(manifest)

    def _summarize(self, manifest: Manifest) -> None:
        self.transaction.do("DELETE FROM summaries WHERE digest = :digest", digest=manifest.digest)
        self.transaction.insert("summaries", digest=manifest.digest, **summary_of(manifest))

    def _turn(self) -> int:
        return int(self.transaction.value("SELECT turn FROM registry"))

    def _figures(self, rows: Rows) -> Figures:
        """The figures of a few artifacts, or of all where there are many."""
        digests = [row["digest"] for row in rows]
        found = self.transaction.rows_in(select("measurements", "WHERE digest IN (:among) ORDER BY id"), digests)
        figures: Figures = defaultdict(list)
        for row in named("measurements", found):
            figures[row["digest"]].append(row)
        return figures


def _values(manifest: Manifest) -> dict[str, Any]:
    return {**{name: getattr(manifest, name) for name in REPEATED}, "manifest": manifest.to_json()}
