"""An upload that breaks off while the server still stores what came: what it says of it then is not what it has."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from zcc.registry.remotes.upload import Uploads
from zcc.runtime.errors import RegistryError, Unavailable
from zcc.runtime.remotes.address import parse
from zcc.runtime.remotes.documents import FILE, describe
from zcc.runtime.remotes.session import RemoteSession

CONTENT = bytes(range(256)) * 4000
BREAKS_AFTER = 500_000  # bytes of the first request, of which the server says that it has fewer
SAID = 400_000


class _Late(BaseHTTPRequestHandler):
    """Stores uploads as docker-registry does: what comes is put behind what is there, whatever was said to be there."""

    protocol_version = "HTTP/1.1"
    stored: bytes
    uploads: int
    breaks: int

    def do_HEAD(self) -> None:
        self._say(404)

    def do_POST(self) -> None:
        kind = type(self)
        kind.stored, kind.uploads = b"", kind.uploads + 1
        self._say(202, Location="/upload")

    def do_GET(self) -> None:
        self._say(204, Location="/upload", Range=f"0-{SAID - 1}")

    def do_PUT(self) -> None:
        kind, length = type(self), int(self.headers["Content-Length"])
        if kind.breaks:
            kind.breaks -= 1
            kind.stored += self.rfile.read(BREAKS_AFTER)
            self.close_connection = True
            return
        kind.stored += self.rfile.read(length)
        sound = f"sha256:{hashlib.sha256(kind.stored).hexdigest()}" == self.path.partition("digest=")[2]
        self._say(201 if sound else 400)

    def _say(self, status: int, **headers: str) -> None:
        self.send_response_only(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def _late(breaks: int) -> Iterator[tuple[type[_Late], RemoteSession]]:
    class Handler(_Late):
        stored, uploads = b"", 0

    Handler.breaks = breaks
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        with RemoteSession(parse(f"oci+http://127.0.0.1:{server.server_port}/late/yolo:v1")) as session:
            yield Handler, session
    finally:
        server.shutdown()
        server.server_close()


def test_an_upload_that_was_gone_on_with_at_the_wrong_place_begins_anew() -> None:
    with _late(breaks=1) as (server, session):
        Uploads(session, pause=lambda seconds: None).add_bytes(CONTENT, describe(CONTENT, FILE))
        assert server.stored == CONTENT
        assert server.uploads == 2


def test_one_that_is_refused_at_once_is_not_sent_again() -> None:
    with _late(breaks=0) as (server, session):
        with pytest.raises(RegistryError, match="refuses to take a blob"):
            Uploads(session, pause=lambda seconds: None).add_bytes(CONTENT, describe(b"other" + CONTENT[5:], FILE))
        assert server.uploads == 1


def test_a_server_that_never_takes_what_broke_off_is_given_up() -> None:
    with _late(breaks=1000) as (server, session):
        pauses: list[float] = []
        with pytest.raises(Unavailable):
            Uploads(session, pause=pauses.append).add_bytes(CONTENT, describe(CONTENT, FILE))
        assert server.breaks > 900, "in a few tries"
