"""A repository of an OCI registry as a place that artifacts are loaded from.

What was fetched stays in the user's cache: blobs by their digests, a folder for each variant, and what a tag meant when
it was last asked for, by which a device starts while its network is down.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from zcc.runtime import limits
from zcc.runtime.cache import REMEDY, cache_folder, written_into_cache
from zcc.runtime.errors import ArtifactError, CorruptArtifact, TrustError, Unavailable
from zcc.runtime.library import RUNTIME_LIBRARY
from zcc.runtime.manifest import FILENAME, Manifest, is_sound
from zcc.runtime.packed_library import check_packed
from zcc.runtime.regular import read_regular
from zcc.runtime.remotes.address import RemoteAddress, parse
from zcc.runtime.remotes.blobs import Blobs
from zcc.runtime.remotes.documents import IMAGE, INDEX, Descriptor, check_layers, claimed_figures, config_of, entries
from zcc.runtime.remotes.repository import Document, Repository
from zcc.runtime.remotes.session import RemoteSession
from zcc.runtime.source import Candidate
from zcc.runtime.trust.beside import FOLDER as SIGNATURES
from zcc.runtime.trust.beside import SUFFIX, read_beside
from zcc.runtime.trust.envelope import check_form

PACE = 5.0  # seconds between two looks at a tag: registries count requests
GLANCE = 2.0  # seconds that a look may take

logger = logging.getLogger("zcc.runtime")


class Remote:
    """Loads from a repository; every call opens a connection of its own.

    One that `remembers` goes by what its address meant before while the registry cannot be reached.
    """

    distant = True  # nothing is tried that would have to be fetched for it alone

    def __init__(
        self, address: RemoteAddress, clock: Callable[[], float] = time.monotonic, remembers: bool = True
    ) -> None:
        self.address, self._remembers = address, remembers
        self._home = cache_folder() / "remotes"
        self.blobs = Blobs(self._home / "blobs")
        self._clock = clock
        self._looked = float("-inf")
        self._away = False  # whether the registry could not be reached when it was last asked
        self._seen: object = None

    def variants(self, reference: str = "") -> Sequence[Candidate]:
        """Every variant that the address means, whatever the reference; their files are not fetched."""
        with RemoteSession(self.address) as session:
            repository = Repository(session)
            return [self._candidate(repository, entry) for entry in self._entries(repository)]

    def folder(self, candidate: Candidate) -> Path:
        """The variant's folder in the cache, with its files; those that are here are not fetched."""
        return self.unpack(candidate, candidate.folder)

    def unpack(self, candidate: Candidate, folder: Path) -> Path:
        """Put the variant's files into a folder; what is there and sound stays."""
        with RemoteSession(self.address) as session:
            for entry in candidate.manifest.files:
                path = folder / entry.path
                if not (path.is_file() and is_sound(path, entry)):
                    Repository(session).fetch(entry.sha256, entry.size, self.blobs)
                    _link(self.blobs.path(entry.sha256), path)
                    if entry.path == RUNTIME_LIBRARY:
                        check_packed(path)
        return folder

    def revision(self) -> object:
        """What the address means now; asked of the registry once every few seconds, however often it is asked here."""
        now = self._clock()
        if now - self._looked >= PACE:
            self._looked = now
            with RemoteSession(self.address, seconds=GLANCE) as session:
                self._seen = Repository(session).digest(self.address.reference)
        return self._seen

    def _entries(self, repository: Repository) -> list[Descriptor]:
        document = self._meant(repository)
        if document.media_type == IMAGE:
            return [Descriptor(IMAGE, document.digest, len(document.content))]
        return entries(document.content, str(self.address))

    def _meant(self, repository: Repository) -> Document:
        """The document at the address; the last one that was seen there while the registry cannot be reached."""
        name = hashlib.sha256(f"{self.address.place} {self.address.reference}".encode()).hexdigest()
        kept = self._home / "documents" / name
        try:
            self._away = False
            document = repository.document(self.address.reference)
        except Unavailable as error:
            if not (self._remembers and kept.is_file()):
                raise
            self._away = True
            logger.warning("%s; going by what %s meant when it was last seen", error, self.address)
            kind, _, content = read_regular(kept, limits.REMOTE_DOCUMENT + 256).partition(b"\n")
            media_type = INDEX if kind.decode(errors="replace") == INDEX else IMAGE
            return Document(media_type, f"sha256:{hashlib.sha256(content).hexdigest()}", content)
        with written_into_cache(kept) as writer:
            writer.write(f"{document.media_type}\n".encode() + document.content)
        return document

    def _candidate(self, repository: Repository, entry: Descriptor) -> Candidate:
        source = f"{self.address.place}@{entry.digest[:19]}"
        image = self._small(repository, entry, lambda: repository.document(entry.digest).content)
        config = config_of(image, source)
        text = self._small(repository, config, lambda: repository.blob(config, limits.MANIFEST))
        try:
            manifest = Manifest.from_json(text.decode(), f"{source}: {FILENAME}")
        except UnicodeDecodeError as error:
            raise CorruptArtifact(f"{source}: {FILENAME} is no text", "push it again") from error
        check_layers(image, manifest, source)
        folder = self._home / "artifacts" / manifest.digest.removeprefix("sha256:")
        envelopes = self._envelopes(repository, entry, folder)
        figures = claimed_figures(entry, source)
        return Candidate(manifest, folder, claimed=figures, foreign=True, envelopes=envelopes)

    def _envelopes(self, repository: Repository, entry: Descriptor, folder: Path) -> tuple[bytes, ...]:
        """The variant's signatures; those that were seen last while the registry cannot be reached."""
        if self._away:
            return read_beside(folder)
        found = []
        for envelope in repository.envelopes(entry.digest):
            try:
                check_form(envelope)
            except TrustError as error:  # whoever may push may attach anything, which keeps nobody from the rest
                logger.warning("%s@%s: a signature is left out: %s", self.address.place, entry.digest[:19], error)
                continue
            name = f"{hashlib.sha256(envelope).hexdigest()}{SUFFIX}"
            with written_into_cache(folder / SIGNATURES / name) as writer:
                writer.write(envelope)
            found.append(envelope)
        return tuple(found)

    def _small(self, repository: Repository, wanted: Descriptor, ask: Callable[[], bytes]) -> bytes:
        """A document or a small blob, from the cache where it is there."""
        path = self.blobs.path(wanted.sha256)
        if wanted.size <= limits.REMOTE_DOCUMENT and self.blobs.holds(wanted.sha256, wanted.size):
            return read_regular(path, limits.REMOTE_DOCUMENT)
        content = ask()
        with written_into_cache(path) as writer:
            writer.write(content)
        return content


def open_remote(reference: str) -> Remote:
    """The repository that a reference leads to."""
    return Remote(parse(reference))


def _link(blob: Path, path: Path) -> None:
    """The blob under another name, in one step; copied where a file system has no links."""
    aside = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            os.link(blob, aside)
        except OSError:
            shutil.copyfile(blob, aside)
        aside.replace(path)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be written: {error.strerror}", REMEDY) from error
    finally:
        aside.unlink(missing_ok=True)
