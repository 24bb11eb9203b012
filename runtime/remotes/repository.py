"""Reading one repository of an OCI registry: documents, blobs, tags, and what refers to a document."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from zcc.runtime import limits
from zcc.runtime.errors import CorruptArtifact, IncompatibleHost, NotFound, RegistryError
from zcc.runtime.remotes.blobs import BlobContent, Blobs
from zcc.runtime.remotes.connection import Broken
from zcc.runtime.remotes.documents import ENVELOPE, IMAGE, INDEX, REMEDY, Descriptor, descriptor, read_document
from zcc.runtime.remotes.session import HttpAnswer, RemoteSession
from zcc.runtime.rules import Breach, brief, list_of, strict_json, text

ACCEPT = {"Accept": f"{INDEX}, {IMAGE}"}
DIGEST_HEADER = "Docker-Content-Digest"
_WORDS = list_of(text(255, 1), limits.REMOTE_LISTED)


@dataclass(frozen=True)
class Document:
    """An index or an image manifest: its bytes, which its digest was taken over."""

    media_type: str
    digest: str
    content: bytes


class Repository:
    """What a repository holds; every byte is held against the digest that it was asked for by."""

    def __init__(self, session: RemoteSession) -> None:
        self.session = session
        self.place = session.address.place
        self._has_referrers = True  # until the server says otherwise

    def document(self, reference: str) -> Document:
        """The document that a tag or a digest means."""
        path = self.session.path("manifests", reference)
        answer = self.session.done(self.session.ask("GET", path, ACCEPT), f"pull as {reference}", 200)
        content = answer.read(limits.REMOTE_DOCUMENT)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if reference.startswith("sha256:") and digest != reference:
            raise CorruptArtifact(f"{self.place}@{reference[:19]} is not what its digest says", REMEDY)
        media_type = (answer.header("Content-Type") or "").partition(";")[0].strip()
        if media_type not in (INDEX, IMAGE):
            raise IncompatibleHost(f"{self.place} holds {brief(media_type)}, no artifact of zcc's", "name another")
        return Document(media_type, digest, content)

    def digest(self, reference: str) -> str:
        """What a tag means now, by one request without a body."""
        path = self.session.path("manifests", reference)
        answer = self.session.done(self.session.ask("HEAD", path, ACCEPT), f"pull as {reference}", 200)
        said = answer.header(DIGEST_HEADER)
        self.session.forget(answer)
        return said if said is not None else self.document(reference).digest

    def blob(self, wanted: Descriptor, most: int) -> bytes:
        """A small blob."""
        if wanted.size > most:
            raise CorruptArtifact(f"{self.place} names a blob of {wanted.size} bytes, more than {most}", REMEDY)
        answer = self.session.follow(self.session.path("blobs", wanted.digest), {})
        content = self.session.done(answer, "pull a blob", 200).read(most)
        if len(content) != wanted.size or hashlib.sha256(content).hexdigest() != wanted.sha256:
            raise CorruptArtifact(f"{self.place}@{wanted.digest[:19]} is not what its digest says", REMEDY)
        return content

    def fetch(self, sha256: str, size: int, blobs: Blobs) -> None:
        """A blob of any size into the folder."""
        begun = False

        def open_at(start: int) -> tuple[BlobContent, int]:
            nonlocal begun
            if begun:
                self.session.close()  # what broke off is not gone on with
            begun = True
            return self._open_blob(f"sha256:{sha256}", size, start)

        try:
            blobs.fetch(sha256, size, f"{self.place}@sha256:{sha256[:12]}", open_at)
        except BaseException:
            self.session.close()  # the rest of a body would be taken for the next answer
            raise

    def _open_blob(self, digest: str, size: int, start: int) -> tuple[HttpAnswer, int]:
        headers = {"Range": f"bytes={start}-{size - 1}"} if start else {}
        answer = self.session.follow(self.session.path("blobs", digest), headers)
        if start and answer.status == 416:  # the server has another idea of the size
            self.session.close()
            return self._open_blob(digest, size, 0)
        self.session.done(answer, "pull a blob", 200, 206)
        begins = _range_start(answer) if answer.status == 206 else 0
        if begins not in (0, start):
            raise Broken(f"{self.place} sends another part of a blob than was asked for", "try again")
        if answer.length is not None and answer.length != size - begins:
            problem = f"{self.place}@{digest[:19]} has {answer.length} bytes where {size - begins} should come"
            raise CorruptArtifact(problem, REMEDY)
        return answer, begins

    def tags(self) -> list[str]:
        """Every tag, by name."""
        return sorted(self._listed(self.session.path("tags", "list"), "tags"))

    def repositories(self) -> list[str]:
        """Every repository of the host, where it tells."""
        return sorted(self._listed("/v2/_catalog", "repositories"))

    def _listed(self, path: str, field: str) -> Iterator[str]:
        """A list that comes in pages."""
        after, seen = f"{path}?n=1000", 0
        while after:
            answer = self.session.done(self.session.ask("GET", after), f"list {field} of", 200)
            content, link = answer.read(limits.REMOTE_DOCUMENT), answer.header("Link")
            page = self._words(content, field)
            yield from page
            seen += len(page)
            if link and (not page or seen > limits.REMOTE_LISTED):
                raise RegistryError(f"{self.session.address.host} lists {field} without end", "name one of them")
            after = self.session.own_path(link.partition("<")[2].partition(">")[0], path) if link else ""

    def _words(self, content: bytes, field: str) -> list[str]:
        try:
            raw = strict_json(content.decode(), limits.REMOTE_DOCUMENT)
            words: list[str] = raw.get(field) or []  # servers write null for none
            _WORDS(words, field)
        except (ValueError, AttributeError) as error:
            reason = str(error) if isinstance(error, Breach) else type(error).__name__
            problem = f"{self.session.address.host} sends no list of {field} ({reason})"
            raise CorruptArtifact(problem, "name another registry") from error
        return words

    def envelopes(self, subject: str) -> list[bytes]:
        """The signatures of a document, as whoever signed it pushed them."""
        return [self._envelope(each) for each in self.referrers(subject, ENVELOPE)[: limits.ENVELOPES]]

    def referrers(self, subject: str, artifact_type: str) -> list[Descriptor]:
        """What of a type has the document as its subject."""
        content = self._referrers(subject)
        if content is None:
            return []
        raw = read_document(content, INDEX, f"{self.place}: what refers to {subject[:19]}")
        found = [descriptor(each) for each in raw["manifests"]]
        return [each for each in found if each.media_type == IMAGE and each.artifact_type == artifact_type]

    def _referrers(self, subject: str) -> bytes | None:
        """The list of them: of the server's making, else where a server that knows of no such list is given one."""
        if self._has_referrers:
            answer = self.session.ask("GET", self.session.path("referrers", subject))
            if answer.status == 200 and (answer.header("Content-Type") or "").startswith(INDEX):
                return answer.read(limits.REMOTE_DOCUMENT)
            self.session.forget(answer)
            self._has_referrers = False
        try:
            return self.document(referrers_tag(subject)).content
        except NotFound:
            return None

    def _envelope(self, entry: Descriptor) -> bytes:
        content = self.document(entry.digest).content
        layers: list[Any] = read_document(content, IMAGE, f"{self.place}@{entry.digest[:19]}")["layers"]
        if len(layers) != 1:
            raise CorruptArtifact(f"{self.place}@{entry.digest[:19]} is no signature, but {len(layers)} files", REMEDY)
        return self.blob(descriptor(layers[0]), limits.ENVELOPE)


def referrers_tag(subject: str) -> str:
    """The tag under which the image-spec has clients keep the list where a server does not."""
    return subject.replace(":", "-")


def _range_start(answer: HttpAnswer) -> int:
    """Where a part of a blob begins, -1 where that is not said."""
    first = (answer.header("Content-Range") or "").partition("bytes ")[2].partition("-")[0]
    return int(first) if first.isascii() and first.isdigit() and len(first) < 19 else -1
