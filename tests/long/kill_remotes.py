"""Kill pushes and pulls at random moments: python -m tests.long.kill_remotes --rounds 500"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.oci import server as oci_server
from tests.registry.remotes.kills import kill_at_random


def main() -> int:
    """Kill two a round, and print how many died on the way; an error where anything was half-made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
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
        killed = kill_at_random(server, folder / "work", arguments.rounds, arguments.seed)
        print(f"{killed} of {2 * arguments.rounds} pushes and pulls were killed; each completed, nothing was lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
