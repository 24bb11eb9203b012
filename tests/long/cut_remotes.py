"""Push and pull over a wire that breaks at random bytes: python -m tests.long.cut_remotes --rounds 400"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.long.tally import Tally, run_script
from tests.long.with_server import server_and_room
from tests.registry.remotes.cuts import cut_pulls, cut_pushes


def attack_by_cuts(folder: Path, rounds: int, seed: int) -> Tally:
    """Cut the connections of so many pushes and pulls, half of them each."""
    tally = Tally(rounds)
    with server_and_room(folder) as (server, room):
        for what, cut, times in (("pushes", cut_pushes, (rounds + 1) // 2), ("pulls", cut_pulls, rounds // 2)):
            with tally.blaming(f"{what} of seed {seed}"):
                tally.endings[f"cut connections of {what}"] += cut(server, room / what, times, seed)
    return tally


if __name__ == "__main__":
    sys.exit(run_script(attack_by_cuts, 400, __doc__))
