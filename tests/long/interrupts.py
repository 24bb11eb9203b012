"""Ctrl-C at a random moment of every long command: within a second, with 130, in one line, and nothing is left.

Most commands run in forks of a process that has imported what they need, since its import is what takes longest; every
eighth starts as users start it, and is interrupted somewhere in its first seconds.
python -m tests.long.interrupts --rounds 60 --seed 1
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil

from tests.long.attack import Ended, attack, prepare
from tests.long.ground import Ground, open_ground
from tests.long.tally import Tally, run_script
from zcc.commands.interrupts import DYING, GRACE
from zcc.registry import Registry

INTERRUPTED = 130
LATEST = GRACE + DYING + 0.2  # seconds from Ctrl-C to the end: a second
LOADED = 20.0  # seconds by which a machine may be late that has more to do than it has processors
PICTURES = 200
STARTED = 8  # one of so many starts anew
LINE = "error: interrupted"
COPIED = "fp16"  # what a second variant, a copy of the first, calls itself
NOBODY = "127.0.0.1:1"  # no tracker is there, which a server waits for


def long_commands(ground: Ground) -> dict[str, tuple[float, tuple[str, ...]]]:
    """The commands that take long, by name, and the seconds within which they are interrupted."""
    place, model = ("--registry", str(ground.registry)), str(ground.model)
    pictures = [str(ground.picture)] * PICTURES
    shots, matrix = str(label(ground)), ground.folder / "matrix.toml"
    matrix.write_text(f'[[model]]\npath = "{model}"\nname = "built"\nmax_det = 297\n')
    return {
        "compile": (8, ("compile", model, "--name", "other", "--max-det", "299", *place)),
        "compile int8": (8, ("compile", model, "--name", "other", "--dtype", "int8", "--calib", shots, *place)),
        "compile and tune": (8, ("compile", model, "--name", "other", "--max-det", "298", "--tune", *place)),
        "tune": (8, ("tune", model, "--budget", "60s", *place)),
        "run": (2, ("run", "tiny", *pictures, *place)),
        "eval": (2, ("eval", "tiny", "--data", shots, *place)),
        "compare": (2, ("compare", "tiny", "tiny", "--dtype", f"fp32,{COPIED}", "--data", shots, *place)),
        "adapt": (2, ("adapt", "tiny", "--data", shots, "--dtypes", f"{COPIED},fp32", *place)),
        "bench": (3, ("bench", "tiny", "--rounds", "1000", *place)),
        "profile": (3, ("profile", "tiny", "--rounds", "20000", *place)),
        "build": (8, ("build", str(matrix), "--workers", "2", *place)),
        "serve": (4, ("serve", "tiny", "--port", "0", *place)),
        "report": (3, ("report", "tiny", "-o", str(ground.folder / "page.html"), *place)),
        "tune-server": (4, ("tune-server", "--tracker", NOBODY, "--key", "here")),
        "doctor": (1, ("doctor", *place)),
        "import": (0.5, ("import", str(ground.bundle), "--name", "again", *place)),
        "export": (0.5, ("export", "tiny", str(ground.folder / "out.zcc"), *place)),
        "verify": (0.3, ("verify", *place)),
    }


def add_variant(registry: Registry) -> None:
    """Another variant of `tiny`, since `adapt` switches between two."""
    [found] = registry.artifacts()
    manifest = replace(found.manifest, dtype=COPIED, fingerprint="of a copy")
    registry.publish(registry.folder(found), manifest)


def label(ground: Ground) -> Path:
    """Many pictures with labels."""
    folder = ground.folder / "shots"
    for place in ("images", "labels"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for number in range(PICTURES):
        (folder / "images" / f"{number}.jpg").symlink_to(ground.picture)
        (folder / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    return folder


class Interrupter:
    """Interrupts commands as a terminal does, the whole group, and looks at what they left."""

    def __init__(self, ground: Ground, seed: int) -> None:
        self.ground, self.dice, self.tally = ground, random.Random(seed), Tally()
        self.commands = long_commands(ground)
        self.temporary = ground.folder / "temporary"
        self.temporary.mkdir()
        registry = Registry.open(ground.registry)
        add_variant(registry)
        self._published = {each.digest for each in registry.artifacts()}
        self._commands = 0

    def step(self) -> None:
        """Interrupt one command."""
        self._commands += 1
        name = self.dice.choice(sorted(self.commands))
        longest, words = self.commands[name]
        if self._commands % STARTED == 0:
            after, kind = self.dice.uniform(0, 4), "started anew"
            ended = started(words, after)
        else:
            after, kind = self.dice.uniform(0.05, longest), "in a fork"
            ended = attack(*words, sent=(after, signal.SIGINT))
        if ended.late:
            self.tally.rounds += 1
            self.tally.endings[f"{name} {kind}"] += 1
            self._judge(f"{name} {kind} after {after:.2f} s", ended)
        self._look_around(f"{name} {kind}")

    def _judge(self, told: str, ended: Ended) -> None:
        self.tally.megabytes = max(self.tally.megabytes, ended.megabytes)
        if ended.code == 0:
            return  # it was done by then
        self.tally.seconds = max(self.tally.seconds, ended.late)
        lines = [line for line in ended.err.splitlines() if "error" in line]
        checks = (
            (ended.code == INTERRUPTED, f"code {ended.code}, {ended.err[-300:]!r}"),
            (lines == [LINE] and "Traceback" not in ended.err, f"told {ended.err[-300:]!r}"),
            (ended.late <= latest(), f"{ended.late:.2f} s late"),
        )
        self.tally.blame(told, [wrong for sound, wrong in checks if not sound])

    def _look_around(self, told: str) -> None:
        registry = Registry.open(self.ground.registry)
        self.tally.blame(told, [str(problem) for problem in registry.verify().problems])
        if self._published - {each.digest for each in registry.artifacts()}:
            self.tally.blame(told, ["an artifact is lost"])
        left = [*self.temporary.iterdir(), *self.ground.folder.glob(".*")]
        if left:
            self.tally.blame(told, [f"it left {left}"])


def latest() -> float:
    """How late a command may end, here and now."""
    quiet = os.getloadavg()[0] < len(os.sched_getaffinity(0)) / 2
    return LATEST if quiet else LATEST + LOADED


def started(words: tuple[str, ...], after: float) -> Ended:
    """A command in a process of its own, that hears of Ctrl-C some time after it began."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zcc", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while process.poll() is None and psutil.Process(process.pid).num_threads() == 1:  # until then it is Python's
        time.sleep(0.005)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    told = time.perf_counter()
    _, err = process.communicate()
    return Ended(words, process.returncode, "", err, 0.0, 0.0, time.perf_counter() - told, ())


def attack_by_interrupts(folder: Path, rounds: int, seed: int) -> Tally:
    """Interrupt so many commands."""
    prepare()

    ground = open_ground(folder)
    interrupter = Interrupter(ground, seed)
    os.environ["ZCC_CACHE"] = str(ground.folder / "cache")
    os.environ["TMPDIR"] = tempfile.tempdir = str(interrupter.temporary)
    while interrupter.tally.rounds < rounds:
        interrupter.step()
    return interrupter.tally


if __name__ == "__main__":
    sys.exit(run_script(attack_by_interrupts, 60, __doc__))
