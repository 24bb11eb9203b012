"""Push and pull over a wire that breaks at random bytes: python -m tests.long.cut_remotes --rounds 200"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.long.with_server import run_with_server
from tests.oci.server import OciServer
from tests.registry.remotes.cuts import cut_pulls, cut_pushes


def cut(server: OciServer, folder: Path, rounds: int, seed: int) -> Iterator[str]:
    """Cut connections of pushes, then of pulls."""
    for what, work in (("pushes", cut_pushes), ("pulls", cut_pulls)):
        cuts = work(server, folder / what, rounds, seed)
        yield f"{rounds} {what} completed over {cuts} cut connections"


if __name__ == "__main__":
    sys.exit(run_with_server(cut, 200, __doc__))
