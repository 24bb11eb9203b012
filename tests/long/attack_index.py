"""An index that a disk, or somebody, changed: whatever a command makes of it, files of what is published are not lost.

Each round copies a registry, damages its index, and lets every command loose on it. Then the sound index is put back:
`zcc verify` must find all artifacts and all their files. python -m tests.long.attack_index --rounds 300 --seed 1
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.long.attack import attack, complaints, prepare
from tests.registry.samples import artifact
from zcc.registry import Registry

INDEX = "index.sqlite"
PAGE = 4096
# Every command that reads or writes the index; REF is a name in it, OUT a file to write.
COMMANDS: tuple[tuple[str, ...], ...] = (
    *(("list",), ("list", "--json"), ("show", "REF"), ("show", "REF", "--json"), ("verify",), ("history", "REF")),
    *(("gc", "--dry-run"), ("gc",), ("tag", "REF", "best"), ("untag", "REF:prod"), ("rollback", "REF:prod")),
    *(("export", "REF", "OUT"), ("reindex",), ("gc", "--orphans")),
)


def damaged(content: bytes, dice: random.Random) -> tuple[str, bytes]:
    """An index with something wrong in it, and what."""
    name = dice.choice(sorted(DAMAGE))
    return name, DAMAGE[name](content, dice)


def _flipped(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _swapped(content: bytes, dice: random.Random) -> bytes:
    pages = [content[start : start + PAGE] for start in range(0, len(content), PAGE)]
    one, other = dice.sample(range(1, len(pages)), 2)
    pages[one], pages[other] = pages[other], pages[one]
    return b"".join(pages)


def _zeroed(content: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(content))
    return content[:start] + bytes(min(PAGE, len(content) - start)) + content[start + PAGE :]


def _cut(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content))]


def _noise(content: bytes, dice: random.Random) -> bytes:
    return dice.randbytes(dice.choice((0, 100, PAGE, len(content))))


DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bits flipped": _flipped,
    "pages swapped": _swapped,
    "a page zeroed": _zeroed,
    "cut short": _cut,
    "noise": _noise,
}


class Damage:
    """Damages copies of one registry, and judges what commands did to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.dice = folder, random.Random(seed)
        self.sound = folder / "sound"
        registry = Registry.open(self.sound)
        for number in range(3):
            registry.publish(*artifact(folder / "source", seed=number), tags=["prod"])
        with sqlite3.connect(self.sound / INDEX) as index:
            index.execute("pragma wal_checkpoint(truncate)")
        self.published = len(registry.artifacts())
        self.ended: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.largest = self.slowest = 0.0

    def step(self) -> None:
        """Damage a copy, try every command in a random order, then put the sound index back and count."""
        home = self.folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.sound, home)
        name, content = damaged((home / INDEX).read_bytes(), self.dice)
        for other in home.glob(f"{INDEX}-*"):
            other.unlink()
        (home / INDEX).write_bytes(content)
        for words in self.dice.sample(COMMANDS, len(COMMANDS)):
            self._try(name, home, words)
        self._restore(name, home)

    def _try(self, name: str, home: Path, words: tuple[str, ...]) -> None:
        given = [word.replace("REF", "yolo").replace("OUT", str(self.folder / "out.zcc")) for word in words]
        ended = attack(*given, "--registry", home)
        self.ended["commands"] += 1
        self.ended["refused" if ended.refused else "done"] += 1
        self.largest, self.slowest = max(self.largest, ended.megabytes), max(self.slowest, ended.seconds)
        self.wrong += [f"{name}: {each}" for each in complaints(ended, seconds=8)]

    def _restore(self, name: str, home: Path) -> None:
        for other in home.glob(f"{INDEX}-*"):
            other.unlink()
        shutil.copy(self.sound / INDEX, home / INDEX)
        registry = Registry.open(home)
        problems = registry.verify().problems
        if problems or len(registry.artifacts()) != self.published:
            self.ended["lost"] += 1
            self.wrong.append(f"{name}: something live is lost, {problems[:1]}")

    def report(self) -> str:
        """What was tried and how it ended."""
        told = ", ".join(f"{count} {name}" for name, count in sorted(self.ended.items()))
        peak = f"largest memory {self.largest:.0f} MB, slowest command {self.slowest:.2f} s"
        return "\n".join([*self.wrong, f"{told}; {len(self.wrong)} wrong; {peak}"])


def main() -> int:
    """Damage so many copies, print how it ended, and fail if something was lost or not understood."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepare()
        damage = Damage(Path(folder), arguments.seed)
        for _ in range(arguments.rounds):
            damage.step()
    print(damage.report())
    return int(bool(damage.wrong))


if __name__ == "__main__":
    sys.exit(main())
