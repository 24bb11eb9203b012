"""The registry: what is published, under which names, and the files behind it.

Publishing stores the files first and adds the row last, so a reader sees an artifact whole or not at all, and
a process killed at any moment leaves nothing but files that `gc` frees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from zcc.registry import ownership, search
from zcc.registry.artifact import Artifact
from zcc.registry.failures import reported
from zcc.registry.gates import Gate, change_gate, check_promotion, standing_gates
from zcc.registry.locks import exclusive, shared
from zcc.registry.reference import check_name, check_tag
from zcc.registry.tags import Move, history, last_and_before, put, reason, release, roll_back, take
from zcc.registry.upkeep import Upkeep
from zcc.runtime.expansion import check_expansion
from zcc.runtime.manifest import FILENAME, FileEntry, Manifest, Measurement, checked, read_figures
from zcc.runtime.trust.policy import parse_policy


class Registry(Upkeep):
    """Artifacts by reference; every method is safe against any other in any process."""

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
                    check_promotion(catalogue.transaction, manifest.name, tag, [catalogue.get(digest)])
                    put(catalogue.transaction, manifest.name, tag, [digest])
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
                    from zcc.registry.server_lock import alone_on_server  # SQLAlchemy, which a file does without

                    held.enter_context(alone_on_server(self._index.location.server, fingerprint, on_wait))
            yield

    def by_fingerprint(self, fingerprint: str) -> Artifact | None:
        """The last published artifact that was built here from exactly this, of those whose files are sound.

        What was built elsewhere may claim to be of any fingerprint, and is none of ours.
        """
        with self._reading() as catalogue:
            found = catalogue.select("fingerprint = :fingerprint AND origin IS NULL", fingerprint=fingerprint)
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

    def artifacts(self) -> list[Artifact]:
        """Everything published, the last first."""
        with self._reading() as catalogue:
            return catalogue.select()

    def envelopes(self, digest: str) -> tuple[bytes, ...]:
        """The signatures of an artifact, each as it was made."""
        with reported(self.home):
            return self._signatures.of(self._folders.path(digest))

    def add_envelopes(self, digest: str, envelopes: Iterable[bytes]) -> None:
        """Keep signatures with the artifact; those that are there stay."""
        with self._reading() as catalogue:
            artifact = catalogue.get(digest)
        folder = self.folder(artifact)
        with reported(self.home), shared(self._publishing):
            self._signatures.add(folder, envelopes)

    def holds(self, digest: str) -> bool:
        """Whether an artifact is published here."""
        with self._reading() as catalogue:
            return catalogue.holds(digest)

    def folder(self, artifact: Artifact) -> Path:
        """The folder to load the artifact from, made from the stored files when it is missing."""
        if not (artifact.folder / FILENAME).is_file():
            with reported(self.home), shared(self._publishing):
                self._folders.make(artifact.digest, artifact.manifest, artifact.manifest.to_json())
        return artifact.folder

    def tag(
        self,
        reference: str,
        tag: str,
        dtype: str | None = None,
        target: str | None = None,
        message: str | None = None,
    ) -> Move:
        """Move a tag to exactly the artifacts that the reference means, when its gate lets all of them through."""
        check_tag(tag)
        with self._writing() as catalogue, self._told_where():
            found = search.find(catalogue, reference, dtype, target)
            name, digests = found[0].manifest.name, [artifact.digest for artifact in found]
            check_promotion(catalogue.transaction, name, tag, found)
            return put(catalogue.transaction, name, tag, digests, by=reason(message))

    def untag(self, name: str, tag: str, message: str | None = None) -> Move:
        """Take a tag away; its history stays, and a rollback brings it back."""
        with self._writing() as catalogue:
            return take(catalogue.transaction, name, tag, reason(message))

    def rollback(self, name: str, tag: str, message: str | None = None) -> Move:
        """Move a tag to where it was before its last move; once more, to where it was before that.

        The gate of the tag stands there, too: what it refuses by now does not come back.
        """
        with self._writing() as catalogue:
            changed = catalogue.transaction
            _, back = last_and_before(changed, name, tag)
            check_promotion(changed, name, tag, catalogue.among(back.digests))
            return roll_back(changed, name, tag, reason(message))

    def protect(self, name: str, tag: str, policy: str | None, message: str | None = None) -> Gate:
        """Let a tag ask for what a policy says from now on, or for nothing; the name * stands for every name."""
        if policy is not None:
            parse_policy(policy, "the policy")
        with self._writing() as catalogue:
            return change_gate(catalogue.transaction, name, tag, policy, reason(message))

    def gates(self) -> list[Gate]:
        """What protected tags ask for."""
        with self._reading() as catalogue:
            return standing_gates(catalogue.transaction)

    def history(self, name: str, tag: str | None = None) -> list[Move]:
        """Every move of a tag, or of all tags of a name, the last first."""
        with self._reading() as catalogue:
            return history(catalogue.transaction, name, tag)

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
        with self._writing() as catalogue, self._told_where():
            if every:
                doomed = search.every(catalogue, reference, dtype, target)
            else:
                doomed = [search.only(reference, search.find(catalogue, reference, dtype, target))]
            release(catalogue.transaction, [artifact.digest for artifact in doomed], force)
            for artifact in doomed:
                catalogue.remove(artifact.digest)
        return doomed
