"""Kill pushes and pulls at random moments: python -m tests.long.kill_remotes --rounds 500"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.long.with_server import run_with_server
from tests.oci.server import OciServer
from tests.registry.remotes.kills import kill_at_random


def kill(server: OciServer, folder: Path, rounds: int, seed: int) -> Iterator[str]:
    """Kill two a round."""
    killed = kill_at_random(server, folder, rounds, seed)
    yield f"{killed} of {2 * rounds} pushes and pulls were killed; each completed, nothing was lost"


if __name__ == "__main__":
    sys.exit(run_with_server(kill, 500, __doc__))
