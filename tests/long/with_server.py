"""The command line of an attack that needs an OCI registry: one on loopback, with TLS and a login, while it runs."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.oci import server as oci_server
from tests.oci.server import OciServer

# On a server, in an empty folder, so many rounds, from a seed; the lines that tell what came of it.
RemoteAttack = Callable[[OciServer, Path, int, int], Iterable[str]]


def run_with_server(attack: RemoteAttack, rounds: int, description: str | None) -> int:
    """Print what came of the attack; an assertion fails where anything was half-made."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if reason := oci_server.lacking():
        print(f"error: {reason}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as place, oci_server.running(Path(place)) as server:
        folder = Path(place)
        os.environ.update(ZCC_CACHE=str(folder / "cache"), HOME=place, DOCKER_CONFIG=str(folder / "docker"))
        os.environ["SSL_CERT_FILE"] = str(server.certificate)
        server.log_in(folder / "docker")
        for line in attack(server, folder / "work", arguments.rounds, arguments.seed):
            print(line, flush=True)
    return 0
