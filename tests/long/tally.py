"""What came of many attacks of one kind, and how a script tells it."""

from __future__ import annotations

import argparse
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.long.attack import Ended, complaints
from zcc.runtime.errors import ZccError


@dataclass
class Tally:
    """Rounds of an attack, how their commands ended, and the worst of them."""

    rounds: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    megabytes: float = 0.0  # the most that a command had in memory
    seconds: float = 0.0  # the longest that a command took, or that it took to end when it was told to

    def add(self, told: str, ended: Ended, **limits: Any) -> Ended:
        """Count a command, and what is wrong with how it ended; `told` says what it was given."""
        self.endings["commands"] += 1
        self.megabytes, self.seconds = max(self.megabytes, ended.megabytes), max(self.seconds, ended.seconds)
        self.blame(told, complaints(ended, **limits))
        return ended

    def blame(self, told: str, faults: Iterable[str]) -> None:
        """Keep what was found wrong."""
        self.wrong += [f"{told}: {fault}" for fault in faults]

    @contextmanager
    def blaming(self, told: str) -> Iterator[None]:
        """Keep what does not hold within as what was found wrong."""
        try:
            yield
        except (AssertionError, ZccError) as fault:
            where = traceback.extract_tb(fault.__traceback__)[-1]
            self.blame(told, [f"{where.name}: {str(fault) or where.line}"])

    def __str__(self) -> str:
        endings = ", ".join(f"{count} {name}" for name, count in sorted(self.endings.items()))
        worst = f"at most {self.megabytes:.0f} MB and {self.seconds:.2f} s"
        return "\n".join([*self.wrong, f"{self.rounds} rounds, {endings}; {len(self.wrong)} wrong; {worst}"])


Attack = Callable[[Path, int, int], Tally]  # in a folder, where the ground may lie, so many rounds, from a seed


def run_script(attack: Attack, rounds: int, description: str | None) -> int:
    """The command line of an attack: print what came of it, and fail if something was wrong."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--folder", type=Path, help="an empty one, or with the ground of another run; a new one by default"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = attack(arguments.folder or Path(folder), arguments.rounds, arguments.seed)
    print(tally)
    return int(bool(tally.wrong))
