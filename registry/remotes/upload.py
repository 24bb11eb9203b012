"""Blobs to an OCI registry, in pieces: what is there already is not sent, what breaks off goes on where it stopped."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import IO

from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.regular import open_regular
from zcc.runtime.remotes.connection import BLOCK, Broken
from zcc.runtime.remotes.documents import Descriptor
from zcc.runtime.remotes.session import HttpAnswer, RemoteSession

PIECE = 128 << 20  # bytes sent with one request: what a server may have to be sent again
PAUSES = (0.0, 0.0, 0.2, 0.5, 1.0, 2.0)  # seconds after tries that brought nothing, one after the other
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,18})")


class Uploads:
    """Sends blobs to one repository."""

    def __init__(self, session: RemoteSession, piece: int = PIECE, pause: Callable[[float], None] = time.sleep) -> None:
        self._session, self._piece, self._pause = session, piece, pause
        self.moved = 0  # bytes that went over the wire

    def holds(self, blob: Descriptor) -> bool:
        """Whether the repository has a blob."""
        answer = self._session.ask("HEAD", self._session.path("blobs", blob.digest))
        self._session.forget(answer)
        self._session.done(answer, "look for a blob", 200, 307, 404)
        return answer.status != 404

    def send_file(self, path: Path, blob: Descriptor) -> None:
        """Send the file, whatever the repository has."""
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size != blob.size:
                raise _changed(file)
            self._send(file, blob)

    def add_bytes(self, content: bytes, blob: Descriptor) -> None:
        """Send the bytes, unless the repository has them."""
        if not self.holds(blob):
            self._send(BytesIO(content), blob)

    def _send(self, content: IO[bytes], blob: Descriptor) -> None:
        """All of it, in as many tries as it takes; the server checks the digest at the end."""
        upload, barren = _Upload(self._session, content, blob.size, self._piece), 0
        for tries in count():
            before = upload.there
            try:
                if tries and self.holds(blob):  # all of it went through, and the answer was lost
                    return
                upload.go_on()
                upload.finish(blob)
                return
            except Broken:
                barren = 0 if upload.there > before else barren + 1
                if barren >= len(PAUSES):
                    raise
                self._pause(PAUSES[barren])
            finally:
                self.moved += max(upload.there - before, 0)


class _Upload:
    """A blob on its way; `there` is what the server acknowledged."""

    def __init__(self, session: RemoteSession, content: IO[bytes], size: int, piece: int) -> None:
        self._session, self._content, self._size, self._piece = session, content, size, piece
        self._start = session.path("blobs", "uploads/")
        self._place: str | None = None
        self._resumed = False  # whether what the server has came in more than one try
        self.there = 0

    def go_on(self) -> None:
        """Send what the server lacks, but for what fits the last request."""
        if self._place is None or not self._ask_how_far():
            self._begin()
        while self._size - self.there > self._piece:
            end = self.there + self._piece
            self._advance(self._put("PATCH", end, self._need()), end)

    def finish(self, blob: Descriptor) -> None:
        """Send the rest, and say what it all is."""
        place = self._need()
        place += f"{'&' if '?' in place else '?'}digest={blob.digest}"
        answer = self._put("PUT", self._size, place)
        self._session.done(answer, "take a blob", 201, 204)
        self._session.forget(answer)
        self.there = self._size

    def _begin(self) -> None:
        self.there, self._resumed = 0, False
        answer = self._session.ask("POST", self._start, {"Content-Length": "0"}, b"")
        self._session.done(answer, "take an upload", 202)
        self._session.forget(answer)
        self._place = self._session.own_path(answer.header("Location"), self._start)

    def _ask_how_far(self) -> bool:
        """Whether the server still has the upload, and how far it got."""
        answer = self._session.ask("GET", self._need())
        self._session.forget(answer)
        if answer.status != 204:
            self._place = None
            return False
        self._advance(answer, 0)
        self._resumed = self.there > 0
        return self._resumed

    def _advance(self, answer: HttpAnswer, expected: int) -> None:
        """Go by what the server says it has, which is no more than it was sent."""
        if answer.status not in (202, 204):
            self._place = None
            self._session.done(answer, "take a part of a blob", 202, 204)
        self._session.forget(answer)
        self._place = self._session.own_path(answer.header("Location") or self._need(), self._start)
        said = _RANGE.fullmatch(answer.header("Range") or "")
        there = int(said[1]) + 1 if said and said[1] != "0" else expected
        if there > self._size:
            self._place = None
            problem = f"{self._session.address.place} says it has {there} bytes of a blob of {self._size}"
            raise Broken(problem, "try again")
        self.there = there

    def _put(self, method: str, end: int, place: str) -> HttpAnswer:
        """Send the bytes from `there` to an end."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(end - self.there)}
        if method == "PATCH":
            headers["Content-Range"] = f"{self.there}-{end - 1}"
        part = _Part(self._content, self.there, end)
        answer = self._session.ask(method, place, headers, part, again=False)
        # The server forgot the upload; or it was still storing what broke off when it said how much of it that is.
        if answer.status == 404 or (self._resumed and answer.status in (400, 416)):
            self._session.forget(answer)
            self._place = None
            raise Broken(f"{self._session.address.place} lost an upload", "try again")
        return answer

    def _need(self) -> str:
        if self._place is None:
            raise Broken(f"{self._session.address.place} lost an upload", "try again")
        return self._place


class _Part:
    """Some of a file's bytes, read as they are sent, from the start again when they are sent again."""

    def __init__(self, file: IO[bytes], start: int, end: int) -> None:
        self._file, self._start, self._end = file, start, end
        self.rewind()

    def rewind(self) -> None:
        """Begin again."""
        self._left = self._end - self._start
        self._file.seek(self._start)

    def read(self, length: int = BLOCK, /) -> bytes:
        """The next bytes, none at the end; who was told how many come must get as many."""
        content = self._file.read(min(length, self._left))
        if self._left and not content:
            raise _changed(self._file)
        self._left -= len(content)
        return content


def _changed(file: IO[bytes]) -> CorruptArtifact:
    return CorruptArtifact(f"{file.name} is not the file that was published", "run `zcc verify`, compile again")
