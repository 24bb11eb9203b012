"""Kills at random moments: of publishers, and of every command that writes to a registry.

What was acknowledged is there and sound after each; `zcc gc` frees what was left behind.
python -m tests.long.kill --publishers 500 --commands 500 --seed 1
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.long.attack import attack, prepare
from tests.registry.crashes import crash_at_random
from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle


class Killer:
    """Kills commands that write, and looks at what they left."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.home, self.dice = folder, folder / "home", random.Random(seed)
        self.registry = Registry.open(self.home)
        self._number = 0
        self.ended: Counter[str] = Counter()
        self.wrong: list[str] = []
        for _ in range(2):
            self._publish()
        self._bundles = self._strangers(count=3)

    def step(self) -> None:
        """Kill one command somewhere between its start and its end."""
        before = {each.digest for each in self.registry.artifacts()}
        words = self._command()
        after = self.dice.uniform(0, 0.25)
        ended = attack(*words, "--registry", self.home, sent=(after, signal.SIGKILL))
        self.ended["killed" if ended.code == -signal.SIGKILL else "done before"] += 1
        there = {each.digest for each in self.registry.artifacts()}
        lost = before - there
        if len(lost) > (words[0] == "rm"):
            self.wrong.append(f"{words[0]}: {len(lost)} artifacts are lost")
        problems = self.registry.verify().problems
        if problems:
            self.wrong.append(f"{words[0]}: {problems[0]}")
        if words[0] == "import" and there - before:
            self.registry.remove(min(there - before), every=True, force=True)
        if lost:
            self._publish()

    def finish(self) -> None:
        """Free what killed commands left; all that is published stays."""
        self.registry.gc()
        left = list((self.home / "staging").glob("*"))
        if left or self.registry.verify().problems:
            self.wrong.append(f"gc leaves {left}, {self.registry.verify().problems}")

    def _command(self) -> tuple[str | Path, ...]:
        tag = self.dice.choice("abc")
        commands: tuple[tuple[str | Path, ...], ...] = (
            ("import", self.dice.choice(self._bundles), "--yes"),
            ("tag", "yolo", tag),
            ("rollback", "yolo:prod"),
            ("rm", "yolo", "--force"),
            ("gc",),
            ("export", "yolo", self.folder / "out.zcc"),
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

    def report(self) -> str:
        """What was tried and how it ended."""
        told = ", ".join(f"{count} {name}" for name, count in sorted(self.ended.items()))
        return "\n".join([*self.wrong, f"commands: {told}; {len(self.wrong)} wrong"])


def main() -> int:
    """Kill so many, print how it ended, and fail if something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publishers", type=int, default=500)
    parser.add_argument("--commands", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepare()
        killer = Killer(Path(folder), arguments.seed)
        for _ in range(arguments.commands):
            killer.step()
        killer.finish()
        print(killer.report())
        root = Path(folder) / "publishers"
        root.mkdir()
        through = crash_at_random(root / "registry", root, arguments.publishers, arguments.seed)
    print(f"{arguments.publishers} publishers killed, {through} artifacts published, all whole")
    return int(bool(killer.wrong))


if __name__ == "__main__":
    sys.exit(main())
