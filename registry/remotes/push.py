"""Artifacts from the registry to a tag of an OCI repository: blobs, then image manifests, then the index at the tag.

So nothing half-made is ever seen: what a tag means is there before the tag means it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from zcc.registry.artifact import Artifact
from zcc.registry.registry import Registry
from zcc.registry.remotes.adding import add_beside
from zcc.registry.remotes.at_once import send_files
from zcc.registry.remotes.upload import Uploads
from zcc.runtime.errors import NotFound, UsageError
from zcc.runtime.remotes.address import RemoteAddress
from zcc.runtime.remotes.documents import (
    CONFIG,
    EMPTY,
    ENVELOPE,
    FILE,
    IMAGE,
    INDEX,
    NOTHING,
    Descriptor,
    describe,
    entries,
    entry_of,
    envelope_image,
    image_of,
    index_of,
    referrers_of,
)
from zcc.runtime.remotes.repository import Repository, referrers_tag
from zcc.runtime.remotes.session import RemoteSession


@dataclass(frozen=True)
class Pushed:
    """What a tag means now."""

    address: RemoteAddress
    digest: str  # of the index
    artifacts: tuple[Artifact, ...]
    kept: int  # variants that others pushed, and that the tag still means
    moved: int  # bytes that had to be sent


class Pusher:
    """Writes to one repository."""

    def __init__(self, session: RemoteSession, pause: Callable[[float], None] = time.sleep) -> None:
        self._session, self._pause = session, pause
        self.uploads = Uploads(session, pause=pause)
        self._repository = Repository(session)

    def files(self, registry: Registry, artifacts: Sequence[Artifact]) -> int:
        """Push the files of variants; the bytes that had to be sent."""
        found = (
            (registry.folder(artifact) / file.path, Descriptor(FILE, f"sha256:{file.sha256}", file.size))
            for artifact in artifacts
            for file in artifact.manifest.files
        )
        return send_files(self._session, self.uploads, found, self._pause)

    def artifact(self, registry: Registry, artifact: Artifact) -> Descriptor:
        """Push the image manifest and the signatures of a variant whose files are there; its entry for an index."""
        manifest = artifact.manifest
        text = manifest.to_json().encode()
        self.uploads.add_bytes(text, describe(text, CONFIG))
        entry = entry_of(manifest, [asdict(recorded.measurement) for recorded in artifact.recorded])
        self.document(image_of(manifest), IMAGE, entry.digest)
        for envelope in registry.envelopes(artifact.digest):
            self.envelope(envelope, entry)
        return entry

    def envelope(self, envelope: bytes, subject: Descriptor) -> None:
        """Push a signature that refers to a variant."""
        self.uploads.add_bytes(NOTHING, describe(NOTHING, EMPTY))
        self.uploads.add_bytes(envelope, describe(envelope, ENVELOPE))
        image = envelope_image(envelope, subject)
        entry = describe(image, IMAGE, artifact_type=ENVELOPE)
        if not self.document(image, IMAGE, entry.digest):
            self._list_by_hand(entry, subject.digest)

    def document(self, content: bytes, media_type: str, reference: str) -> bool:
        """Push an index or an image manifest; whether the server keeps the list of what refers to its subject."""
        path = self._session.path("manifests", reference)
        answer = self._session.ask("PUT", path, {"Content-Type": media_type}, content)
        self._session.done(answer, f"push as {reference}", 201)
        self._session.forget(answer)
        return answer.header("OCI-Subject") is not None

    def index(self, variants: Sequence[Descriptor], tag: str) -> None:
        """Let a tag mean exactly these variants, which were pushed."""
        self.document(index_of(variants), INDEX, tag)

    def present(self, tag: str) -> list[Descriptor]:
        """The variants that a tag means."""
        try:
            found = self._repository.document(tag)
        except NotFound:
            return []
        place = f"{self._repository.place}:{tag}"
        if found.media_type == INDEX:
            return entries(found.content, place)
        raise UsageError(f"{place} is no index of variants, and nothing can be added to it", "push under another tag")

    def _list_by_hand(self, entry: Descriptor, subject: str) -> None:
        """Where the server keeps no list of what refers to a document, the image-spec has clients keep one at a tag."""
        known = [each for each in self._repository.referrers(subject, ENVELOPE) if each.digest != entry.digest]
        self.document(referrers_of([*known, entry]), INDEX, referrers_tag(subject))


def push(
    registry: Registry,
    artifacts: Sequence[Artifact],
    address: RemoteAddress,
    add: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> Pushed:
    """Let a tag mean exactly these variants; with `add`, these in the place of their like and beside all others."""
    if address.digest is not None:
        raise UsageError(f"{address} is a digest, which means what it means", "push to a tag")
    _check_distinct(artifacts)
    with RemoteSession(address, "pull,push") as session:
        pusher = Pusher(session, pause)
        moved = pusher.files(registry, artifacts)
        mine = [pusher.artifact(registry, artifact) for artifact in artifacts]
        meant = add_beside(pusher, address.reference, mine, pause) if add else mine
        if not add:
            pusher.index(meant, address.reference)
    digest = f"sha256:{hashlib.sha256(index_of(meant)).hexdigest()}"
    return Pushed(address, digest, tuple(artifacts), len(meant) - len(mine), moved + pusher.uploads.moved)


def _check_distinct(artifacts: Sequence[Artifact]) -> None:
    names = sorted({artifact.manifest.name for artifact in artifacts})
    if len(names) != 1:
        raise UsageError(f"a tag means variants of one name, not {', '.join(names)}", "push each to its own repository")
    if len({(each.manifest.dtype, each.manifest.target) for each in artifacts}) < len(artifacts):
        raise UsageError("a tag means one variant of each dtype and target", "narrow them down")
