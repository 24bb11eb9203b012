"""Bundles with a value of the manifest, a byte of a compressed file or of the archive changed: each is refused in one
line, or what it brings in works with every command, and nothing that was there before is lost.

python -m tests.long.attack_bundles --rounds 500 --seed 1
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.long.attack import Ended, attack, complaints, prepare
from tests.long.bombs import Ground, make_fork_ground
from zcc.runtime.library import RUNTIME_LIBRARY, WEIGHTS

# What a value of a manifest is changed to: other types, extremes, and texts that a terminal or a path would act on.
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 5, 2**31, 2**63, 10**400, 0.5, -1e308, float("nan"), float("inf"), "", "x", [], {}, [[]]),
    *("\x1b[2J\x1b]0;owned\x07", "a\nb", "\u202egnp.exe", "\x9b31m", "../../x", "/etc/passwd", "a" * 100_000),
    *("\ud800", "[red]x[/red]", "name:tag", "-rf", {"a": {"b": ["c"]}}, ["x"] * 1000),
)


def mutated(ground: Ground, dice: random.Random, path: Path) -> str:
    """Write a changed bundle; what was changed."""
    return dice.choice(KINDS)(ground, dice, path)


def _value(ground: Ground, dice: random.Random, path: Path) -> str:
    manifest = ground.forger.manifest
    told = []
    for _ in range(dice.randint(1, 2)):
        holder, key = dice.choice(list(_places(manifest)))
        holder[key] = dice.choice(VALUES)
        told.append(f"{key}={str(holder[key])[:20]!r}")
    ground.forger.with_text(path, json.dumps(manifest))
    return f"manifest {', '.join(told)}"


def _field(ground: Ground, dice: random.Random, path: Path) -> str:
    manifest = ground.forger.manifest
    holder, key = dice.choice([each for each in _places(manifest) if isinstance(each[0], dict)])
    if dice.random() < 0.5:
        del holder[key]
        told = f"without {key}"
    else:
        holder[f"{key}x"] = holder.pop(key)
        told = f"{key} renamed"
    ground.forger.with_text(path, json.dumps(manifest))
    return f"manifest {told}"


def _content(ground: Ground, dice: random.Random, path: Path) -> str:
    """A file changed and named by its new hash; code is left alone, since it is run."""
    file = dice.choice((WEIGHTS, RUNTIME_LIBRARY))
    content = bytearray(ground.forger.file(file))
    if file == RUNTIME_LIBRARY and dice.random() < 0.3:
        content = bytearray(gzip.compress(bytes(dice.randrange(1 << 27)), 1))
    elif dice.random() < 0.5:
        del content[dice.randrange(len(content)) :]
    else:
        place = dice.choice((dice.randrange(len(content)), len(content) - 1 - dice.randrange(8)))
        content[place] ^= 1 << dice.randrange(8)
    ground.forger.with_file(path, file, bytes(content))
    return f"{file} changed"


def _archive(ground: Ground, dice: random.Random, path: Path) -> str:
    whole = bytearray(ground.forger.with_text(path, json.dumps(ground.forger.manifest)).read_bytes())
    if dice.random() < 0.3:
        del whole[dice.randrange(len(whole)) :]
    else:
        for _ in range(dice.randint(1, 4)):
            place = dice.choice(
                (dice.randrange(len(whole)), dice.randrange(4000), len(whole) - 1 - dice.randrange(400))
            )
            whole[place] = dice.randrange(256)
    path.write_bytes(whole)
    return "archive changed"


KINDS: tuple[Callable[[Ground, random.Random, Path], str], ...] = (_value, _value, _value, _field, _content, _archive)


def _places(value: Any) -> Any:
    """Every place in a document that something stands at."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield value, key
        yield from _places(each)


class Campaign:
    """Imports changed bundles one by one, and lets every command loose on what came in."""

    def __init__(self, ground: Ground, seed: int) -> None:
        self.ground, self.dice = ground, random.Random(seed)
        self.ended: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.largest = self.slowest = 0.0
        self._place = "--registry", str(ground.registry)
        self._live = self._digests()

    def step(self, number: int) -> None:
        """Try one changed bundle: load it as it is, then import it, and what came in with every command."""
        path = self.ground.folder / f"{number}.zcc"
        told = mutated(self.ground, self.dice, path)
        os.environ["ZCC_CACHE"] = str(self.ground.folder / "cache")
        self._try(told, "run", path, "--explain", *self._place)
        imported = self._try(told, "import", path, "--name", "changed", "--yes", *self._place)
        self.ended["refused" if imported.refused else "imported"] += 1
        if not imported.refused:
            self._use(told)
        path.unlink(missing_ok=True)

    def _use(self, told: str) -> None:
        known = self._digests()
        for digest in known - self._live:
            for words in (("show", digest), ("show", digest, "--json"), ("run", digest, self.ground.picture)):
                self._try(told, *words, *self._place)
            self._try(told, "export", digest, self.ground.folder / "again.zcc", *self._place)
        for words in (("list",), ("list", "--json"), ("verify",)):
            if self._try(told, *words, *self._place).code != 0:
                self.wrong.append(f"{told}: {words[0]} fails for the whole registry")
        if self._live - known:
            self.wrong.append(f"{told}: {self._live - known} is lost")
        for digest in known - self._live:
            self._try(told, "rm", digest, "--force", *self._place)

    def _digests(self) -> set[str]:
        listed = attack("list", "--json", *self._place)
        return {each["digest"] for each in json.loads(listed.out)} if listed.code == 0 else set()

    def _try(self, told: str, *arguments: str | Path) -> Ended:
        ended = attack(*arguments)
        self.largest, self.slowest = max(self.largest, ended.megabytes), max(self.slowest, ended.seconds)
        self.ended["commands"] += 1
        self.wrong += [f"{told}: {each}" for each in complaints(ended, seconds=5)]
        return ended

    def report(self) -> str:
        """What was tried and how it ended."""
        told = ", ".join(f"{count} {name}" for name, count in sorted(self.ended.items()))
        peak = f"largest memory {self.largest:.0f} MB, slowest command {self.slowest:.2f} s"
        return "\n".join([*self.wrong, f"{told}; {len(self.wrong)} wrong; {peak}"])


def main() -> int:
    """Try so many changed bundles, print how they ended, and fail if one ended badly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--ground", type=Path, help="what make_ground made; made anew by default")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepare()
        campaign = Campaign(make_fork_ground(arguments.ground or Path(folder), 0), arguments.seed)
        for number in range(arguments.rounds):
            campaign.step(number)
    print(campaign.report())
    return int(bool(campaign.wrong))


if __name__ == "__main__":
    sys.exit(main())
