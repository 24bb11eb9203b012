"""Push and pull over a wire that breaks at random bytes: python -m tests.long.cut_remotes --rounds 200"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.oci import server as oci_server
from tests.registry.remotes.cuts import cut_pulls, cut_pushes


def main() -> int:
    """Push and pull, and print how many connections were cut on the way; an error where anything was half-made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
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
        for what, cut in (("pushes", cut_pushes), ("pulls", cut_pulls)):
            cuts = cut(server, folder / what, arguments.rounds, arguments.seed)
            print(f"{arguments.rounds} {what} completed over {cuts} cut connections")
    return 0


if __name__ == "__main__":
    sys.exit(main())
