"""What attacks on zcc came to: python -m benchmarks.attacks [NAME...] [--rounds N] [--workers N] [--add FILE]

Each attack of tests/long, its rounds, the harm found, and the largest memory and longest time of a command. With --add
the numbers are added to those of earlier parts, so that many rounds can be tried bit by bit, each with another seed.
Workers share the rounds of an attack; a machine wants a core for each.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from itertools import count
from math import inf
from multiprocessing import get_context
from pathlib import Path

from tests.long.bombs import attack_with_files
from tests.long.bundles import attack_bundles
from tests.long.cut_remotes import attack_by_cuts
from tests.long.indexes import attack_indexes
from tests.long.interrupts import attack_by_interrupts
from tests.long.kill_remotes import attack_remotes_by_kills
from tests.long.kills import attack_by_kills
from tests.long.lie_remotes import attack_by_lies
from tests.long.tally import Attack, Tally
from zcc.commands.columns import columns

PART = 10  # rounds, after which the time is looked at
# Attack -> what does it, and how many rounds it has unless told.
ATTACKS: dict[str, tuple[Attack, int]] = {
    "bombs and traps": (attack_with_files, 1),
    "bundles": (attack_bundles, 10_000),
    "indexes": (attack_indexes, 1500),
    "kills": (attack_by_kills, 1000),
    "interrupts": (attack_by_interrupts, 490),
    "lying remotes": (attack_by_lies, 2000),
    "cut remotes": (attack_by_cuts, 400),
    "killed remotes": (attack_remotes_by_kills, 1000),
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


def parts(rounds: int, seed: int) -> Iterator[tuple[int, int]]:
    """A few rounds each, and a seed of their own."""
    for part in count(seed):
        if rounds <= 0:
            return
        yield min(rounds, PART), part
        rounds -= PART


def alone(name: str, folder: Path, rounds: int, seed: int) -> Generator[Tally]:
    """What the attack's parts came to, one after the other."""
    for some, part in parts(rounds, seed):
        yield ATTACKS[name][0](folder, some, part)


def shared_out(name: str, folder: Path, rounds: int, seed: int, workers: int) -> Generator[Tally]:
    """What the attack's parts came to, over so many processes."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        started = [pool.submit(_in_own_folder, name, folder, *part) for part in parts(rounds, seed)]
        try:
            for done in as_completed(started):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)  # where no more was wanted


def _in_own_folder(name: str, folder: Path, rounds: int, seed: int) -> Tally:
    """Each worker has ground of its own, which the next part stands on, too."""
    own = folder / f"worker-{os.getpid()}"
    own.mkdir(exist_ok=True)
    return ATTACKS[name][0](own, rounds, seed)


def found_by(name: str, folder: Path, arguments: argparse.Namespace) -> Iterator[Tally]:
    """What the attack came to, part by part, until its rounds or the seconds are over."""
    end = time.monotonic() + arguments.seconds
    what = name, folder, arguments.rounds or ATTACKS[name][1], arguments.seed
    found = shared_out(*what, arguments.workers) if arguments.workers > 1 else alone(*what)
    with closing(found):
        for each in found:
            yield each
            if time.monotonic() > end:
                return


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
    parser.add_argument("--workers", type=int, default=1, help="processes that share the rounds")
    parser.add_argument("--seconds", type=float, default=inf, help="of each, however many rounds are left")
    parser.add_argument("--seed", type=int, default=1, help="of the first rounds; every few later ones have the next")
    parser.add_argument("--add", type=Path, metavar="FILE", help="add the numbers to those of this file")
    parser.add_argument("--ground", type=Path, metavar="DIR", help="where what they are tried on lies, or is put")
    parser.add_argument("--tell", action="store_true", help="attack nothing, and print what the file of --add says")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - ATTACKS.keys():
        parser.error(f"there is no attack {', '.join(sorted(unknown))}")
    tallies = read(arguments.add) if arguments.add else {}
    if arguments.ground:
        arguments.ground.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in () if arguments.tell else arguments.names or ATTACKS:
            for found in found_by(name, arguments.ground or Path(folder), arguments):
                tallies[name] = added(tallies.get(name, Tally()), found)
                if arguments.add:
                    write(arguments.add, tallies)
    print("\n".join(fault for tally in tallies.values() for fault in tally.wrong))
    print(table(tallies))
    return int(any(tally.wrong for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
