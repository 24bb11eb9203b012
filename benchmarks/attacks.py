"""What attacks on zcc came to: python -m benchmarks.attacks [NAME...] [--rounds N] [--seed N] [--add FILE]

Each attack of tests/long, its rounds, the harm found, and the largest memory and longest time of a command. With --add
the numbers are added to those of earlier parts, so that many rounds can be tried bit by bit, each with another seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from math import inf
from pathlib import Path

from tests.long.bombs import attack_with_files
from tests.long.bundles import attack_bundles
from tests.long.indexes import attack_indexes
from tests.long.interrupts import attack_by_interrupts
from tests.long.kills import attack_by_kills
from tests.long.tally import Attack, Tally
from zcc.commands.columns import columns

PART = 10  # rounds, after which the time is looked at
# Attack -> what does it, and how many rounds it has unless told.
ATTACKS: dict[str, tuple[Attack, int]] = {
    "bombs and traps": (attack_with_files, 1),
    "bundles": (attack_bundles, 2400),
    "indexes": (attack_indexes, 1500),
    "kills": (attack_by_kills, 1000),
    "interrupts": (attack_by_interrupts, 490),
}


def added(one: Tally, other: Tally) -> Tally:
    """Both together."""
    return Tally(
        one.rounds + other.rounds,
        one.endings + other.endings,
        one.wrong + other.wrong,
        max(one.megabytes, other.megabytes),
        max(one.seconds, other.seconds),
    )


def read(path: Path) -> dict[str, Tally]:
    """The numbers of earlier parts."""
    told = json.loads(path.read_text()) if path.exists() else {}
    return {name: Tally(**{**fields, "endings": Counter(fields["endings"])}) for name, fields in told.items()}


def write(path: Path, tallies: dict[str, Tally]) -> None:
    """Keep the numbers for later parts."""
    path.write_text(json.dumps({name: vars(tally) for name, tally in tallies.items()}, indent=1))


def parts(name: str, folder: Path, rounds: int | None, seed: int) -> Iterator[Tally]:
    """The attack in parts of a few rounds, each with a seed of its own."""
    attack, usual = ATTACKS[name]
    left = rounds or usual
    for part in count(seed):
        if left <= 0:
            return
        yield attack(folder, min(left, PART), part)
        left -= PART


def table(tallies: dict[str, Tally]) -> str:
    """A line for each attack."""
    rows = [["attack", "rounds", "commands", "harm", "MB", "seconds"]]
    for name, tally in tallies.items():
        commands = tally.endings["commands"] or tally.rounds
        figures = f"{tally.megabytes:.0f}", f"{tally.seconds:.2f}"
        rows.append([name, f"{tally.rounds}", f"{commands}", f"{len(tally.wrong)}", *figures])
    return columns(rows)


def main() -> int:
    """Attack, print the table, and fail if harm was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ATTACKS)}; all by default")
    parser.add_argument("--rounds", type=int, help="of each")
    parser.add_argument("--seconds", type=float, default=inf, help="stop after so many, however many rounds are left")
    parser.add_argument("--seed", type=int, default=1, help="of the first rounds; every few later ones have the next")
    parser.add_argument("--add", type=Path, metavar="FILE", help="add the numbers to those of this file")
    parser.add_argument("--ground", type=Path, metavar="DIR", help="where what they are tried on lies, or is put")
    parser.add_argument("--tell", action="store_true", help="attack nothing, and print what the file of --add says")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - ATTACKS.keys():
        parser.error(f"there is no attack {', '.join(sorted(unknown))}")
    tallies = read(arguments.add) if arguments.add else {}
    end = time.monotonic() + arguments.seconds
    if arguments.ground:
        arguments.ground.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in () if arguments.tell else arguments.names or ATTACKS:
            for found in parts(name, arguments.ground or Path(folder), arguments.rounds, arguments.seed):
                tallies[name] = added(tallies.get(name, Tally()), found)
                if arguments.add:
                    write(arguments.add, tallies)
                if time.monotonic() > end:
                    break
    print("\n".join(fault for tally in tallies.values() for fault in tally.wrong))
    print(table(tallies))
    return int(any(tally.wrong for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
