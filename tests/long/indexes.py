"""An index that a disk, or somebody, changed: whatever a command makes of it, files of what is published are not lost.

Each round copies a registry, damages its index, and lets some of all commands loose on it. Then the sound index is put
back: `zcc verify` must find all artifacts and all their files. python -m tests.long.indexes --rounds 300 --seed 1
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.long.attack import prepare
from tests.long.in_turn import attack_in_turn
from tests.long.tally import Tally, run_script
from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.runtime.manifest import Measurement

INDEX = "index.sqlite"
PAGE = 4096
SECONDS = 5.0  # that a command may take; making an index anew reads every file
DRAWN = 5  # of these are tried in a round
# Every command that reads or writes the index; REF is a name in it, OUT a file to write, IMAGE a picture.
COMMANDS: tuple[tuple[str, ...], ...] = (
    *(("list",), ("list", "--json"), ("show", "REF"), ("show", "REF", "--json"), ("verify",), ("history", "REF")),
    *(("gc", "--dry-run"), ("gc",), ("tag", "REF", "best"), ("untag", "REF:prod"), ("rollback", "REF:prod")),
    *(("export", "REF", "OUT"), ("run", "REF", "IMAGE"), ("import", "OUT", "--yes"), ("gc", "--orphans")),
)
LAST: tuple[tuple[str, ...], ...] = (("reindex",), ("reindex", "--anew"), ("gc",))
# Words that the index is full of.
WORDS = (b"sha256:", b"yolo", b"fp32", b"latency_ms", b"prod", b"tag", b"median", b"x86-64-v4", b"import")


def damaged(content: bytes, dice: random.Random) -> tuple[str, bytes]:
    """An index with something wrong in it, and what."""
    name = dice.choice(sorted(DAMAGE))
    return name, DAMAGE[name](content, dice)


def _flipped(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _overwritten(content: bytes, dice: random.Random) -> bytes:
    start, length = dice.randrange(len(content)), dice.choice((1, 4, 64, 600))
    return content[:start] + dice.randbytes(min(length, len(content) - start)) + content[start + length :]


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


def _reworded(content: bytes, dice: random.Random) -> bytes:
    word = dice.choice(WORDS)
    place = content.find(word, dice.randrange(len(content)))
    return content if place < 0 else content[:place] + dice.randbytes(len(word)) + content[place + len(word) :]


DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bits flipped": _flipped,
    "bytes overwritten": _overwritten,
    "pages swapped": _swapped,
    "a page zeroed": _zeroed,
    "cut short": _cut,
    "noise": _noise,
    "a word changed": _reworded,
}


def make_sound(home: Path, sources: Path) -> Registry:
    """A registry with artifacts, tags that moved, figures, something imported and something removed."""
    registry = Registry.open(home)
    for seed in range(3):
        registry.publish(*artifact(sources / str(seed), seed=seed, size=2000), tags=["prod"])
    found = registry.publish(*artifact(sources / "int8", dtype="int8", size=2000), origin="import")
    registry.record_measurement(found.digest, Measurement("latency_ms", 5.0, "median"), "import")
    registry.record_measurement(found.digest, Measurement("map50_95", 0.5, "COCO"))
    registry.rollback("yolo", "prod")
    registry.remove(registry.publish(*artifact(sources / "gone", "gone", seed=9, size=2000)).digest)
    return registry


class Damage:
    """Damages copies of one registry, and judges what commands did to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        from zcc import sample

        self.folder, self.dice, self.tally = folder, random.Random(seed), Tally()
        self.sound = folder / "sound"
        registry = make_sound(self.sound, folder / "sources")
        with sqlite3.connect(self.sound / INDEX) as index:
            index.execute("pragma wal_checkpoint(truncate)")
        self.published = {each.digest for each in registry.artifacts()}
        self.words = {"REF": "yolo", "OUT": str(folder / "out.zcc"), "IMAGE": str(sample.IMAGES[0])}

    def step(self) -> None:
        """Damage a copy, try every command in a random order, then put the sound index back and count."""
        home = self.folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.sound, home)
        name, content = damaged((home / INDEX).read_bytes(), self.dice)
        self._put(home, content)
        commands = [self._given(words, home) for words in (*self.dice.sample(COMMANDS, DRAWN), *LAST)]
        for ended in attack_in_turn(commands):
            self.tally.add(name, ended, seconds=SECONDS)
            self.tally.endings["refused" if ended.refused else "done"] += 1
        self.tally.rounds += 1
        self._put(home, (self.sound / INDEX).read_bytes())
        registry = Registry.open(home)
        problems = registry.verify().problems
        if problems or {each.digest for each in registry.artifacts()} != self.published:
            self.tally.blame(name, [f"something live is lost, {problems[:1]}"])

    def _given(self, words: tuple[str, ...], home: Path) -> list[str]:
        told = [self.words.get(word, word).replace("REF", "yolo") for word in words]
        return [*told, "--registry", str(home)]

    @staticmethod
    def _put(home: Path, content: bytes) -> None:
        for other in home.glob(f"{INDEX}*"):
            other.unlink()
        (home / INDEX).write_bytes(content)


def attack_indexes(folder: Path, rounds: int, seed: int) -> Tally:
    """Damage so many copies."""
    prepare()
    damage = Damage(Path(tempfile.mkdtemp(dir=folder)), seed)
    for _ in range(rounds):
        damage.step()
    return damage.tally


if __name__ == "__main__":
    sys.exit(run_script(attack_indexes, 300, __doc__))
