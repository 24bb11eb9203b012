"""A server on a socket, until it is told to end."""

from __future__ import annotations

import socket
import sys

import uvicorn

from zcc.runtime.errors import UsageError
from zcc.web.serve.app import make_app
from zcc.web.serve.connections import patient_for
from zcc.web.serve.offer import Offer
from zcc.web.serve.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")
BACKLOG = 512
# Between two frames the thread that runs them needs Python for a moment; at Python's own 5 ms it would wait for longer
# than small frames take while requests are parsed.
SWITCH_SECONDS = 0.0002


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound; the port 0 stands for any that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{host}:{port} cannot be listened on: {reason}", "choose another --host or --port") from error


def make_server(offer: Offer, settings: Settings, host: str) -> uvicorn.Server:
    """A server that answers once it runs; `host` is where it will listen."""
    names = [*LOOPBACK, "[::1]"] if host in LOOPBACK else ["*"]
    config = uvicorn.Config(
        make_app(offer, settings, names),
        http=patient_for(settings),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=settings.most_connections,
        timeout_keep_alive=max(1, round(settings.head_seconds)),
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def serve(offer: Offer, settings: Settings, listening: socket.socket, host: str) -> None:
    """Answer requests until the process is told to end."""
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        make_server(offer, settings, host).run([listening])
    finally:
        offer.close()
