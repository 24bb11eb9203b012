"""An OCI registry on loopback, with TLS and a login, for the time of an attack."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from tests.oci import server as oci_server
from tests.oci.server import OciServer


@contextmanager
def server_and_room(folder: Path) -> Iterator[tuple[OciServer, Path]]:
    """A running server that this process is logged in to, and an empty folder."""
    if reason := oci_server.lacking():
        raise SystemExit(f"error: {reason}")
    with tempfile.TemporaryDirectory(dir=folder) as place, oci_server.running(Path(place)) as server:
        room = Path(place)
        server.log_in(room / "docker")
        known = {"HOME": place, "DOCKER_CONFIG": str(room / "docker"), "SSL_CERT_FILE": str(server.certificate)}
        with patch.dict(os.environ, ZCC_CACHE=str(room / "cache"), **known):
            yield server, room / "work"
