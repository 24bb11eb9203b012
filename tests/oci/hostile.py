"""A server of OCI artifacts that lies, over plain HTTP on loopback: each answer is what it is told to say."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from zcc.runtime.manifest import Manifest
from zcc.runtime.remotes.documents import CONFIG, IMAGE, INDEX, describe, entry_of, image_of, index_of

REPOSITORY = "lies/yolo"


@dataclass
class Reply:
    """What the server answers."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    length: int | str | None = None  # what is said of the body's length; True to its bytes where nothing is


Say = Callable[[str, Reply], Reply]  # the path, and the honest answer to it


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    authorization: str | None


class Liar:
    """The honest answers, and `say`, which may change each."""

    def __init__(self, replies: dict[str, Reply], say: Say = lambda path, reply: reply) -> None:
        self.replies, self.say = replies, say
        self.asked: list[Asked] = []
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        """Of the tag that means the artifact."""
        return f"oci+http://{self.host}/{REPOSITORY}:v1"

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> Reply:
        """What is said at a path."""
        return self.say(path, replace(self.replies.get(path, Reply(404))))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Whoever is lied to hangs up."""


def _handler(liar: Liar) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Any request: it is told apart by its path alone."""
            liar.asked.append(Asked(self.command, self.path, self.headers.get("Authorization")))
            reply = liar.answer(self.path)
            with contextlib.suppress(OSError, ValueError, UnicodeEncodeError):
                self._send(reply)

        do_HEAD = do_POST = do_PUT = do_PATCH = do_GET

        def _send(self, reply: Reply) -> None:
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            length = reply.length
            if length is None and isinstance(reply.body, bytes):
                length = len(reply.body)
            whole = isinstance(reply.body, bytes) and length == len(reply.body)
            self.close_connection = not whole or "Transfer-Encoding" in reply.headers
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            if self.command != "HEAD":
                for part in [reply.body] if isinstance(reply.body, bytes) else reply.body:
                    self.wfile.write(part)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    return Handler


@contextmanager
def lying(replies: dict[str, Reply], say: Say = lambda path, reply: reply) -> Iterator[Liar]:
    """A server that answers so."""
    liar = Liar(replies, say)
    try:
        yield liar
    finally:
        liar.close()


def honest(
    folder: Path, manifest: Manifest, change: Callable[[str, Any], Any] = lambda kind, raw: raw
) -> dict[str, Reply]:
    """What a server answers that holds one variant.

    `change` may alter each document, of the kinds `meta`, `image` and `index`; the digests above it follow.
    """
    blobs = [(folder / entry.path).read_bytes() for entry in manifest.files]
    meta = _changed("meta", manifest.to_json().encode(), change)
    config = describe(meta, CONFIG)
    image = json.loads(image_of(manifest))
    image["config"] = {**image["config"], "digest": config.digest, "size": config.size}
    written = _changed("image", json.dumps(image).encode(), change)
    about = describe(written, IMAGE)
    entry = replace(entry_of(manifest, []), digest=about.digest, size=about.size)
    index = _changed("index", index_of([entry]), change)
    found = {
        _path("manifests", "v1"): Reply(200, {"Content-Type": INDEX}, index),
        _path("manifests", about.digest): Reply(200, {"Content-Type": IMAGE}, written),
        _path("blobs", config.digest): Reply(200, {}, meta),
    }
    for blob, entry_in in zip(blobs, manifest.files, strict=True):
        found[_path("blobs", f"sha256:{entry_in.sha256}")] = Reply(200, {}, blob)
    return found


def _path(kind: str, reference: str) -> str:
    return f"/v2/{REPOSITORY}/{kind}/{reference}"


def _changed(kind: str, content: bytes, change: Callable[[str, Any], Any]) -> bytes:
    document = json.loads(content)
    changed = change(kind, json.loads(content))
    if changed == document:
        return content
    return changed if isinstance(changed, bytes) else json.dumps(changed).encode("utf-8", "surrogatepass")
