"""Ctrl-C at a random moment of every long command: it ends soon, with 130, in one line, and leaves nothing half done.

python -m tests.long.interrupt --rounds 60 --seed 1
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.long.bombs import Ground, make_fork_ground
from zcc.registry import Registry

INTERRUPTED = 130
LATEST = 1.5  # seconds from Ctrl-C to the end; a busy machine takes half a second of them
PATIENCE = 30


def long_commands(ground: Ground) -> dict[str, tuple[str, ...]]:
    """The commands that take seconds, by name."""
    place, model = ("--registry", str(ground.registry)), str(ground.model)
    pictures = [str(ground.picture)] * 50
    return {
        "compile": ("compile", model, "--name", "other", "--max-det", "299", *place),
        "tune": ("tune", model, "--budget", "60s", *place),
        "run": ("run", "tiny", *pictures, *place),
        "bench": ("bench", "tiny", "--rounds", "1000", *place),
        "profile": ("profile", "tiny", "--rounds", "20000", *place),
        "doctor": ("doctor", *place),
        "import": ("import", str(ground.folder.parent / "sound.zcc"), *place),
        "export": ("export", "tiny", str(ground.folder / "out.zcc"), *place),
    }


class Interrupter:
    """Interrupts commands in processes of their own, as a terminal does: the whole group."""

    def __init__(self, ground: Ground, seed: int) -> None:
        self.ground, self.dice = ground, random.Random(seed)
        self.commands = long_commands(ground)
        self.ended: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.latest = 0.0
        self._published = {each.digest for each in Registry.open(ground.registry).artifacts()}

    def step(self, most_seconds: float = 6.0) -> None:
        """Interrupt one command, and look at what it left."""
        name = self.dice.choice(sorted(self.commands))
        after = self.dice.uniform(0.3, most_seconds)
        code, err, late = self._interrupted(self.commands[name], after)
        if code == 0:
            self.ended["done before"] += 1
            return
        self.ended[f"{name} interrupted"] += 1
        self.latest = max(self.latest, late)
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        told = f"{name} after {after:.1f} s"
        checks = (
            (code == INTERRUPTED, f"code {code}, {err[-200:]!r}"),
            (errors == ["error: interrupted"], f"told {err[-200:]!r}"),
            ("Traceback" not in err, "a traceback"),
            (late <= LATEST, f"{late:.1f} s late"),
        )
        self.wrong += [f"{told}: {wrong}" for sound, wrong in checks if not sound]
        self._look_around(told)

    def _interrupted(self, arguments: tuple[str, ...], after: float) -> tuple[int, str, float]:
        environment = {**os.environ, "ZCC_CACHE": str(self.ground.folder / "cache")}
        command = [sys.executable, "-m", "zcc", *arguments]
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, env=environment, start_new_session=True, **options) as child:  # type: ignore[call-overload]
            try:
                _, err = child.communicate(timeout=after)
                return child.returncode, err, 0.0
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGINT)
            start = time.perf_counter()
            try:
                _, err = child.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                _, err = child.communicate()
            return child.returncode, err, time.perf_counter() - start

    def _look_around(self, told: str) -> None:
        registry = Registry.open(self.ground.registry)
        if registry.verify().problems:
            self.wrong.append(f"{told}: {registry.verify().problems[0]}")
        if self._published - {each.digest for each in registry.artifacts()}:
            self.wrong.append(f"{told}: an artifact is lost")
        left = [path.name for path in self.ground.folder.glob(".*")]
        if left:
            self.wrong.append(f"{told}: left {left}")

    def report(self) -> str:
        """What was tried and how it ended."""
        told = ", ".join(f"{count} {name}" for name, count in sorted(self.ended.items()))
        return "\n".join([*self.wrong, f"{told}; {len(self.wrong)} wrong; at most {self.latest:.2f} s late"])


def main() -> int:
    """Interrupt so many commands, print how they ended, and fail if one ended badly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--ground", type=Path, help="what make_ground made; made anew by default")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        interrupter = Interrupter(make_fork_ground(arguments.ground or Path(folder), 0), arguments.seed)
        for _ in range(arguments.rounds):
            interrupter.step()
    print(interrupter.report())
    return int(bool(interrupter.wrong))


if __name__ == "__main__":
    sys.exit(main())
