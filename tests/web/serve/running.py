"""Servers for tests: in this process with bounds of their own, and clients that misbehave."""

from __future__ import annotations

import json
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from zcc.web.serve.offer import Offer
from zcc.web.serve.server import listen, make_server
from zcc.web.serve.settings import Settings

PATIENCE = 90.0  # of seconds; what takes longer hangs


@contextmanager
def running(offer: Offer, settings: Settings) -> Iterator[str]:
    """The address of a server that runs in a thread."""
    listening = listen("127.0.0.1", 0)
    server = make_server(offer, settings, "127.0.0.1")
    thread = threading.Thread(target=server.run, args=([listening],), name="server")
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


def asked(address: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Status and body of an answer; what bears a body is a POST."""
    request = urllib.request.Request(
        address + path, body, {key.replace("_", "-"): each for key, each in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def told(address: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    """Status and document of an answer in JSON."""
    status, content = asked(address, path, body, **headers)
    return status, json.loads(content)


def connected(address: str) -> socket.socket:
    """A bare connection."""
    parts = urlsplit(address)
    assert parts.hostname and parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE)


def head(path: str, length: int) -> bytes:
    """The head of a request that announces a body."""
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode()


def rest(connection: socket.socket) -> bytes:
    """Everything that still comes, until the other side closes."""
    content = b""
    try:
        while piece := connection.recv(65536):
            content += piece
    except ConnectionResetError:
        return content  # a server that refuses what it has not read ends the connection so
    return content


def gauge(address: str, name: str) -> float:
    """A value of the server's metrics."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", asked(address, "/metrics")[1].decode(), re.MULTILINE)
    assert found, name
    return float(found[1])
