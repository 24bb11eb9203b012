"""The registry: what is published, under which names, and the files behind it.

Publishing stores the files first and adds the row last, so a reader sees an artifact whole or not at all, and
a process killed at any moment leaves nothing but files that `gc` frees.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from zcc.registry import ownership, search
from zcc.registry.artifact import Artifact
from zcc.registry.catalogue import Catalogue
from zcc.registry.failures import reported
from zcc.registry.files import Files
from zcc.registry.folders import Folders
from zcc.registry.garbage import NOTHING, Garbage, collect
from zcc.registry.index import LOCK_SECONDS, Index
from zcc.registry.integrity import Problem, Report, check
from zcc.registry.location import locate
from zcc.registry.locks import exclusive, shared
from zcc.registry.reference import check_name, check_tag
from zcc.registry.schema import artifacts
from zcc.registry.tags import Move, history, put, release, roll_back, take
from zcc.runtime.expansion import check_expansion
from zcc.runtime.manifest import FILENAME, Manifest, Measurement, checked


class Registry:
    """Artifacts by reference; every method is safe against any other in any process."""

    def __init__(self, index: Index) -> None:
        self.home = index.location.home
        self._index = index
        self._files = Files(self.home)
        self._folders = Folders(self.home, self._files)
        self._publishing = self.home / "locks" / "publishing.lock"

    @classmethod
    def open(cls, place: str | os.PathLike[str] | None = None, patience: float = LOCK_SECONDS) -> Registry:
        """The registry at a folder or an SQLAlchemy URL; without one, at ZCC_REGISTRY or ./artifacts.

        Nothing is created before the first write; until then the registry reads as empty. Where another process holds
        an SQLite index, it is waited for `patience` seconds.
        """
        return cls(Index(locate(place), patience))

    def __str__(self) -> str:
        """Where it is, fit to be shown."""
        return str(self._index.location)

    def publish(self, folder: Path, manifest: Manifest, tags: Iterable[str] = ()) -> Artifact:
        """Store the files in `folder`, then make the artifact visible and move its tags to it in one step.

        It becomes the last published of its name, also when it was there before.
        """
        check_name(manifest.name)
        manifest = checked(manifest)
        check_expansion(manifest)
        text, digest = manifest.to_json(), manifest.digest
        wanted = [check_tag(tag) for tag in tags]
        self._index.prepare()
        with reported(self.home), shared(self._publishing):
            ownership.claim(self.home, self._index.identity())
            for entry in manifest.files:
                self._files.add(folder / entry.path, entry)
            self._folders.make(digest, manifest, text)
            with self._writing() as catalogue:
                catalogue.add(digest, manifest, text)
                for tag in wanted:
                    put(catalogue.connection, manifest.name, tag, [digest])
                return catalogue.get(digest)

    @contextmanager
    def build_lock(self, fingerprint: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
        """Be alone in building this fingerprint; look `by_fingerprint` again once inside.

        `on_wait` is called once when another process is building it.
        """
        self._index.prepare()
        with ExitStack() as held:
            with reported(self.home):
                lock = self.home / "locks" / f"build-{quote(fingerprint, safe='')}.lock"
                held.enter_context(exclusive(lock, on_wait))
            yield

    def by_fingerprint(self, fingerprint: str) -> Artifact | None:
        """The last published artifact built from exactly this, of those whose files are sound."""
        condition = artifacts.c.fingerprint == fingerprint
        with self._reading() as catalogue:
            found, texts = catalogue.select(condition), catalogue.texts(condition)
        with reported(self.home):
            return next((a for a in found if not self._check({a.digest: texts[a.digest]}).problems), None)

    def renew(self, digest: str) -> None:
        """Let an artifact count as the last published of its name, as publishing it again would."""
        with self._writing() as catalogue:
            catalogue.make_last(catalogue.get(digest).digest)

    def record_measurement(self, digest: str, measurement: Measurement) -> None:
        """Add a figure to an artifact; earlier ones stay."""
        with self._writing() as catalogue:
            catalogue.record(catalogue.get(digest).digest, measurement)

    def revision(self) -> tuple[str, int] | None:
        """Which index it is and how often it was written to, None as long as there is none."""
        return self._index.revision()

    def artifacts(self) -> list[Artifact]:
        """Everything published, the last first."""
        with self._reading() as catalogue:
            return catalogue.select()

    def find(self, reference: str, dtype: str | None = None, target: str | None = None) -> list[Artifact]:
        """Every artifact the reference means: at least one, at most one of each dtype and target."""
        with self._reading() as catalogue:
            return search.find(catalogue, reference, dtype, target)

    def resolve(self, reference: str, dtype: str | None = None, target: str | None = None) -> Artifact:
        """The one artifact the reference means; several are an error that lists them."""
        return search.only(reference, self.find(reference, dtype, target))

    def folder(self, artifact: Artifact) -> Path:
        """The folder to load the artifact from, made from the stored files when it is missing."""
        if not (artifact.folder / FILENAME).is_file():
            with self._reading() as catalogue:
                text = catalogue.texts(artifacts.c.digest == artifact.digest)[artifact.digest]
            with reported(self.home), shared(self._publishing):
                self._folders.make(artifact.digest, artifact.manifest, text)
        return artifact.folder

    def tag(self, reference: str, tag: str, dtype: str | None = None, target: str | None = None) -> Move:
        """Move a tag to exactly the artifacts that the reference means."""
        check_tag(tag)
        with self._writing() as catalogue:
            found = search.find(catalogue, reference, dtype, target)
            digests = [artifact.digest for artifact in found]
            return put(catalogue.connection, found[0].manifest.name, tag, digests)

    def untag(self, name: str, tag: str) -> Move:
        """Take a tag away; its history stays, and a rollback brings it back."""
        with self._writing() as catalogue:
            return take(catalogue.connection, name, tag)

    def rollback(self, name: str, tag: str) -> Move:
        """Move a tag to where it was before its last move; once more, to where it was before that."""
        with self._writing() as catalogue:
            return roll_back(catalogue.connection, name, tag)

    def history(self, name: str, tag: str | None = None) -> list[Move]:
        """Every move of a tag, or of all tags of a name, the last first."""
        with self._reading() as catalogue:
            return history(catalogue.connection, name, tag)

    def remove(
        self,
        reference: str,
        dtype: str | None = None,
        target: str | None = None,
        *,
        every: bool = False,
        force: bool = False,
    ) -> list[Artifact]:
        """Remove the one artifact the reference means, or `every` one it can mean, a name's older ones too.

        What a tag holds stays, unless `force` takes it out of the tag. The files stay until `gc`.
        """
        with self._writing() as catalogue:
            if every:
                doomed = search.every(catalogue, reference, dtype, target)
            else:
                doomed = [search.only(reference, search.find(catalogue, reference, dtype, target))]
            release(catalogue.connection, [artifact.digest for artifact in doomed], force)
            for artifact in doomed:
                catalogue.remove(artifact.digest)
        return doomed

    def gc(self, grace: float = 0, dry_run: bool = False) -> Garbage:
        """Delete what no artifact refers to, once no publish is under way.

        Where locks do not reach every machine that publishes here (some network file systems), `grace` spares
        what was touched in the last so many seconds.
        """
        with reported(self.home):
            # In this order: who finds the claim finds the index that made it before.
            if not ownership.claimed(self.home):
                return NOTHING
            ownership.check_owner(self.home, self._index.identity())
            with exclusive(self._publishing):
                with self._reading() as catalogue:
                    texts = catalogue.texts()
                found = collect(self.home, self._files, self._folders, texts, grace)
                if not dry_run:
                    found.discard()
                return found

    def verify(self) -> Report:
        """Check the index, hash everything that is published, and report what is not as it was."""
        damage = [Problem("", str(self), what) for what in self._index.damage()]
        with self._reading() as catalogue:
            texts = catalogue.texts()
        with reported(self.home):
            report = self._check(texts)
        return replace(report, problems=(*damage, *report.problems))

    def _check(self, texts: dict[str, str]) -> Report:
        return check(texts, self._files, self._folders)

    @contextmanager
    def _reading(self) -> Iterator[Catalogue]:
        with self._index.reading() as connection:
            yield Catalogue(connection, self._folders.path)

    @contextmanager
    def _writing(self) -> Iterator[Catalogue]:
        with self._index.writing() as connection:
            yield Catalogue(connection, self._folders.path)
