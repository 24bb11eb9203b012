"""Kills at random moments: of every command that writes to a registry, and of programs that publish.

What was acknowledged is there and sound after each; `zcc gc` frees what was left behind.
python -m tests.long.kills --rounds 1000 --seed 1
"""

from __future__ import annotations

import random
import signal
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from tests.long.attack import attack, prepare
from tests.long.tally import Tally, run_script
from tests.registry.crashes import crash_at_random
from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle
from zcc.registry.signing import make_key

LONGEST = 0.25  # seconds that a command runs before it is killed
BEYOND = 1.2  # times as long as it took when it was not; later there is nothing left to kill


class Killer:
    """Kills commands that write, and looks at what they left."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.home = folder, folder / "home"
        self.dice, self.tally = random.Random(seed), Tally()
        self.registry = Registry.open(self.home)
        self._took: dict[str, float] = {}  # seconds of commands that came to their end, at most
        self._number = 0
        for _ in range(2):
            self._publish()
        self._bundles = self._strangers(count=3)
        self._key = make_key(folder / "release")[0] if find_spec("cryptography") else None

    def step(self) -> None:
        """Kill one command somewhere between its start and its end."""
        before = {each.digest for each in self.registry.artifacts()}
        words = self._command()
        word, began = str(words[0]), time.perf_counter()
        latest = min(LONGEST, BEYOND * self._took.get(word, LONGEST))
        ended = attack(*words, "--registry", self.home, sent=(self.dice.uniform(0, latest), signal.SIGKILL))
        self.tally.megabytes = max(self.tally.megabytes, ended.megabytes)
        if ended.code != -signal.SIGKILL:
            self._took[word] = max(self._took.get(word, 0.0), time.perf_counter() - began)
            self.tally.endings["commands done before"] += 1
        else:
            self.tally.rounds += 1
            self.tally.endings["commands killed"] += 1
        self._look(word, before)

    def _look(self, word: str, before: set[str]) -> None:
        there = {each.digest for each in self.registry.artifacts()}
        lost = before - there
        if len(lost) > (word == "rm"):
            self.tally.blame(word, [f"{len(lost)} artifacts are lost"])
        self.tally.blame(word, [str(problem) for problem in self.registry.verify().problems])
        if word == "import" and there - before:
            self.registry.remove(min(there - before), every=True, force=True)
        if lost:
            self._publish()

    def finish(self) -> None:
        """Free what killed commands left; all that is published stays."""
        self.registry.gc()
        left = list((self.home / "staging").glob("*"))
        if left or self.registry.verify().problems:
            self.tally.blame("gc", [f"it leaves {left}, {self.registry.verify().problems}"])

    def _command(self) -> tuple[str | Path, ...]:
        tag = self.dice.choice("abc")
        commands: tuple[tuple[str | Path, ...], ...] = (
            ("import", self.dice.choice(self._bundles), "--yes"),
            ("tag", "yolo", tag),
            ("untag", "yolo:prod"),
            ("rollback", "yolo:prod"),
            ("rm", "yolo", "--force"),
            ("gc",),
            ("reindex",),
            ("export", "yolo", self.folder / "out.zcc"),
            *((("sign", "yolo", "--key", self._key),) if self._key else ()),
        )
        return self.dice.choice(commands)

    def _publish(self) -> None:
        self._number += 1
        self.registry.publish(*artifact(self.folder / "source", seed=self._number), tags=["prod"])

    def _strangers(self, count: int) -> list[Path]:
        """Bundles of artifacts that the registry does not hold."""
        elsewhere, made = Registry.open(self.folder / "elsewhere"), []
        for number in range(count):
            found = elsewhere.publish(*artifact(self.folder / "other", name="other", seed=-number, size=2_000_000))
            made.append(self.folder / f"{number}.zcc")
            export_bundle(elsewhere, [found.digest], made[-1])
        return made


def attack_by_kills(folder: Path, rounds: int, seed: int) -> Tally:
    """Kill so many, half of them commands, half of them publishers."""
    prepare()
    own = Path(tempfile.mkdtemp(dir=folder))
    killer = Killer(own, seed)
    while killer.tally.rounds < (rounds + 1) // 2:
        killer.step()
    killer.finish()
    tally, publishers = killer.tally, rounds // 2
    if publishers:
        root = own / "publishers"
        root.mkdir()
        tally.endings["published and whole"] = crash_at_random(root / "registry", root, publishers, seed)
        tally.endings["publishers killed"] = publishers
        tally.rounds += publishers
    return tally


if __name__ == "__main__":
    sys.exit(run_script(attack_by_kills, 1000, __doc__))
