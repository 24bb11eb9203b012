"""Kill pushes and pulls at random moments: python -m tests.long.kill_remotes --rounds 1000"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.long.tally import Tally, run_script
from tests.long.with_server import server_and_room
from tests.registry.remotes.kills import kill_at_random


def attack_remotes_by_kills(folder: Path, rounds: int, seed: int) -> Tally:
    """Kill so many, a push and a pull in turns, and let each complete."""
    tally = Tally(rounds)
    with server_and_room(folder) as (server, room), tally.blaming(f"seed {seed}"):
        tally.endings["killed before they were done"] += kill_at_random(server, room, (rounds + 1) // 2, seed)
    return tally


if __name__ == "__main__":
    sys.exit(run_script(attack_remotes_by_kills, 1000, __doc__))
