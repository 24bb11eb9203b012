"""The registry: what is published, under which names, and the files behind it.

Publishing stores the files first and adds the row last, so a reader sees an artifact whole or not at all, and
a process killed at any moment leaves nothing but files that `gc` frees.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from urllib.parse import quote

from zcc.registry import ownership, search
from zcc.registry.artifact import Artifact, Unreadable
from zcc.registry.catalogue import Catalogue
from zcc.registry.failures import RESTORE, reported
from zcc.registry.files import Files
from zcc.registry.folders import Folders
from zcc.registry.garbage import NOTHING, Garbage, Spared, collect
from zcc.registry.index import LOCK_SECONDS, Index
from zcc.registry.integrity import IntegrityReport, Problem, check, look_around
from zcc.registry.location import locate
from zcc.registry.locks import exclusive, shared
from zcc.registry.rebuild import Rebuilding, Rebuilt
from zcc.registry.reference import check_name, check_tag
from zcc.registry.rows import FOUND
from zcc.registry.schema import artifacts
from zcc.registry.server_lock import alone_on_server
from zcc.registry.soundness import index_problems
from zcc.registry.tags import Move, history, put, release, roll_back, take
from zcc.registry.tree import Tree
from zcc.runtime.errors import CorruptIndex
from zcc.runtime.expansion import check_expansion
from zcc.runtime.manifest import FILENAME, FileEntry, Manifest, Measurement, checked, read_figures


class Registry:
    """Artifacts by reference; every method is safe against any other in any process."""

    def __init__(self, index: Index) -> None:
        self.home = index.location.home
        self._index = index
        self._files = Files(self.home)
        self._folders = Folders(self.home, self._files)
        self._tree = Tree(self.home)
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

    def publish(
        self, folder: Path, manifest: Manifest, tags: Iterable[str] = (), origin: str | None = None
    ) -> Artifact:
        """Store the files in `folder`, then make the artifact visible and move its tags to it in one step.

        It becomes the last published of its name, also when it was there before. An `origin` says that it was not
        built here.
        """
        return self._publish(lambda entry: self._files.add(folder / entry.path, entry), manifest, tags, origin)

    def receive(self, arrived: Callable[[FileEntry], Path], manifest: Manifest, origin: str) -> Artifact:
        """Publish what came from elsewhere: files that were flushed and checked, and that lie in the registry's home.

        They are moved to their places; `arrived` says where those are that the registry does not store yet.
        """
        return self._publish(lambda entry: self._files.take(arrived(entry), entry), manifest, (), origin)

    def stores(self, entry: FileEntry) -> bool:
        """Whether a file of an artifact is here, and sound, whichever artifact brought it."""
        return self._files.holds(entry)

    def _publish(
        self, store: Callable[[FileEntry], None], manifest: Manifest, tags: Iterable[str], origin: str | None
    ) -> Artifact:
        check_name(manifest.name)
        manifest = checked(manifest)
        check_expansion(manifest)
        text, digest = manifest.to_json(), manifest.digest
        wanted = [check_tag(tag) for tag in tags]
        self._index.prepare()
        with reported(self.home), shared(self._publishing):
            ownership.claim(self.home, self._index.identity())
            for entry in manifest.files:
                store(entry)
            self._folders.make(digest, manifest, text)
            with self._writing() as catalogue:
                catalogue.add(manifest, origin)
                for tag in wanted:
                    put(catalogue.connection, manifest.name, tag, [digest])
                return catalogue.get(digest)

    @contextmanager
    def build_lock(self, fingerprint: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
        """Be alone in building this fingerprint, on this disk and on the index's server; look `by_fingerprint` again.

        `on_wait` is called once when another process is building it.
        """
        self._index.prepare()
        with ExitStack() as held:
            with reported(self.home):
                lock = self.home / "locks" / f"build-{quote(fingerprint, safe='')}.lock"
                held.enter_context(exclusive(lock, on_wait))
                if self._index.location.database is None:
                    held.enter_context(alone_on_server(self._index.location.url, fingerprint, on_wait))
            yield

    def by_fingerprint(self, fingerprint: str) -> Artifact | None:
        """The last published artifact that was built here from exactly this, of those whose files are sound.

        What was built elsewhere may claim to be of any fingerprint, and is none of ours.
        """
        with self._reading() as catalogue:
            found = catalogue.select(artifacts.c.fingerprint == fingerprint, artifacts.c.origin.is_(None))
        with reported(self.home):
            return next((a for a in found if not self._check({a.digest: a.manifest}).problems), None)

    def renew(self, digest: str) -> None:
        """Let an artifact count as the last published of its name, as publishing it again would."""
        with self._writing() as catalogue:
            catalogue.make_last(catalogue.get(digest).digest)

    def record_measurement(self, digest: str, measurement: Measurement, origin: str | None = None) -> None:
        """Add a figure to an artifact; earlier ones stay. An `origin` says that it was not measured here."""
        [figure] = read_figures([asdict(measurement)], f"what was measured of {digest[:19]}")
        with self._writing() as catalogue:
            catalogue.record(catalogue.get(digest).digest, figure, origin)

    def revision(self) -> tuple[str, int] | None:
        """Which index it is and how often it was written to, None as long as there is none."""
        return self._index.revision()

    def artifacts(self) -> list[Artifact]:
        """Everything published, the last first."""
        with self._reading() as catalogue:
            return catalogue.select()

    def listed(self) -> list[Artifact | Unreadable]:
        """Everything published, the last first; what cannot be read stands in its place as that."""
        with self._reading() as catalogue:
            return catalogue.listed()

    def holds(self, digest: str) -> bool:
        """Whether an artifact is published here."""
        with self._reading() as catalogue:
            return catalogue.holds(digest)

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
            with reported(self.home), shared(self._publishing):
                self._folders.make(artifact.digest, artifact.manifest, artifact.manifest.to_json())
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

    def gc(self, spared: Spared = Spared(), dry_run: bool = False) -> Garbage:  # noqa: B008 - it never changes
        """Delete what was removed and what no artifact refers to, once no publish is under way.

        An index that is damaged, or another one's, is not believed, and nothing is deleted. Where locks do not reach
        every machine that publishes here (some network file systems), `grace` spares what was touched lately.
        """
        with reported(self.home):
            # In this order: who finds the claim finds the index that made it before.
            if not ownership.claimed(self.home):
                return NOTHING
            ownership.check_owner(self.home, self._index.identity())
            with exclusive(self._publishing):
                with self._reading() as catalogue:
                    self._believe(catalogue)
                    live, removals = catalogue.manifests(), catalogue.removals()
                plan = collect(self._tree, live, removals, spared)
                if not dry_run:
                    plan.discard(self._tree)
                return plan.told

    def index_problems(self) -> list[tuple[str, str]]:
        """What is wrong with the index, with the digest that each is about where it is about one."""
        with self._reading() as catalogue:
            return list(index_problems(catalogue.connection))

    def _believe(self, catalogue: Catalogue) -> None:
        found = list(index_problems(catalogue.connection))
        if found:
            problem = f"the index {self} is damaged, so nothing is deleted: {found[0][1]}"
            raise CorruptIndex(f"{problem} (and {len(found) - 1} more)" if found[1:] else problem, RESTORE)

    def verify(self) -> IntegrityReport:
        """Check the index, hash everything that is published, and report what is not as it was."""
        with self._reading() as catalogue:
            problems = [Problem(digest, str(self), what) for digest, what in index_problems(catalogue.connection)]
            manifests = {each.digest: each.manifest for each in catalogue.listed() if isinstance(each, Artifact)}
            known = catalogue.digests() | catalogue.removals()
        with reported(self.home):
            report = self._check(manifests)
            orphans, strays = look_around(self._tree, known) if ownership.claimed(self.home) else ((), ())
        return replace(report, problems=(*problems, *report.problems), orphans=orphans, strays=strays)

    def reindex(self, anew: bool = False, adopt: bool = False) -> Rebuilt:
        """Take back into the index every artifact that lies whole in its folder and that nobody removed.

        `anew` first puts the index aside, whatever state it is in; `adopt` takes over the files of another index.
        """
        there = self._index.exists
        aside = self._index.put_aside() if anew and there else None
        self._index.make()
        with reported(self.home), exclusive(self._publishing):
            if there and not (anew or adopt) and ownership.claimed(self.home):
                ownership.check_owner(self.home, self._index.identity())
            ownership.mark(self.home, self._index.identity())
            with self._reading() as catalogue:
                sound = {each.digest for each in catalogue.listed() if isinstance(each, Artifact)}
                listed, removals = catalogue.digests(), catalogue.removals()
            rebuilding = Rebuilding(self._tree, self._files, self._folders)
            found = rebuilding.find(sound, listed, removals)
            for back in found:  # a transaction for each: their order tells the order of publishing
                with self._writing() as catalogue:
                    catalogue.restore(back.manifest) if back.known else catalogue.add(back.manifest, FOUND)
        taken, mended = (tuple(back.manifest for back in found if back.known == known) for known in (False, True))
        return Rebuilt(taken, mended, tuple(rebuilding.left), aside)

    def _check(self, manifests: dict[str, Manifest]) -> IntegrityReport:
        return check(manifests, self._files, self._folders)

    @contextmanager
    def _reading(self) -> Iterator[Catalogue]:
        with self._index.reading() as connection:
            yield Catalogue(connection, self._folders.path)

    @contextmanager
    def _writing(self) -> Iterator[Catalogue]:
        with self._index.writing() as connection:
            yield Catalogue(connection, self._folders.path)
