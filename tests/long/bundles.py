"""Bundles with something changed in a manifest, in its figures, in a file or in the archive.

Each is refused in one line and leaves nothing, or what it brings in works with every command; nothing that was there
before is lost.

python -m tests.long.bundles --rounds 500 --seed 1
"""

from __future__ import annotations

import gzip
import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.long.attack import Ended, prepare
from tests.long.forge import Forger
from tests.long.ground import Ground, open_ground
from tests.long.in_turn import attack_in_turn
from tests.long.tally import Tally, run_script
from tests.registry.mutations import mutate
from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle
from zcc.runtime.library import RUNTIME_LIBRARY, WEIGHTS
from zcc.runtime.manifest import BuildStage, Measurement, Run

# What stands in JSON where a number was; some is none.
WORDS = ("NaN", "-Infinity", "1e999", "1" * 4400, "[" * 3000 + "]" * 3000)
SECONDS = 5.0  # that a command may take where it has something to do

REAL = 0.2  # of the bundles are of a detector that runs; the files of the others are small, and no code

Words = tuple[str | Path, ...]
# What is done with the whole registry once something came in.
WHOLE: tuple[Words, ...] = (("list",), ("list", "--json"), ("verify",), ("gc",))

Change = Callable[[Forger, random.Random, Path], str]


def changed(real: Forger, small: Forger, dice: random.Random, path: Path) -> str:
    """Write a changed bundle; what was changed."""
    if dice.random() < REAL:
        return dice.choice((*KINDS, *CONTENT_KINDS))(real, dice, path)
    return dice.choice(KINDS)(small, dice, path)


def make_small(folder: Path) -> Path:
    """A bundle with everything in its manifest that one may have."""
    more: dict[str, Any] = {
        "measured": (Measurement("latency_ms", 5.0, "median"), Measurement("map50_95", 0.5, "COCO")),
        "stages": (BuildStage("build", 1.5, 100.0),),
        "expansion": (Run("same", 1000), Run("half", 1000)),
        "kernels": {"calls": [{"kernel": "conv", "makes": "lv4", "flops": 10, "bytes": 20}], "threads": 2},
        "precision": {"storage": "float32", "layers": {"float32": ["lv4", "lv9"]}},
        "formats": ("bgr", "nv12"),
    }
    registry = Registry.open(folder / "small")
    found = registry.publish(*artifact(folder / "files", "net", size=2000, **more))
    registry.record_measurement(found.digest, Measurement("latency_ms", 4.0, "median"))
    export_bundle(registry, ["net"], folder / "small.zcc")
    return folder / "small.zcc"


def _value(forger: Forger, dice: random.Random, path: Path) -> str:
    manifest = forger.manifest
    told = [mutate(manifest, dice) for _ in range(dice.choice((1, 1, 1, 2, 5)))]
    forger.with_text(path, json.dumps(manifest))
    return f"manifest {', '.join(told)}"


def _figures(forger: Forger, dice: random.Random, path: Path) -> str:
    """What the bundle says outside of its manifest, figures measured later among it."""
    index = forger.index
    told = mutate(index["variants"][0] if dice.random() < 0.7 else index, dice)
    forger.with_index(path, json.dumps(index).encode())
    return f"index {told}"


def _words(forger: Forger, dice: random.Random, path: Path) -> str:
    text = json.dumps(forger.manifest)
    start = dice.choice([place for place in range(1, len(text)) if text[place].isdigit() and text[place - 1] in " ["])
    end = next(place for place in range(start, len(text)) if text[place] not in "0123456789.")
    word = dice.choice(WORDS)
    forger.with_text(path, text[:start] + word + text[end:])
    return f"manifest {word[:20]} for a number"


def _content(forger: Forger, dice: random.Random, path: Path) -> str:
    """A file changed and named by its new hash; code is left alone, since it is run."""
    file = dice.choice((WEIGHTS, RUNTIME_LIBRARY))
    content = bytearray(forger.file(file))
    if file == RUNTIME_LIBRARY and dice.random() < 0.3:
        content = bytearray(gzip.compress(bytes(dice.randrange(1 << 27)), 1))
    elif dice.random() < 0.5:
        del content[dice.randrange(len(content)) :]
    else:
        place = dice.choice((dice.randrange(len(content)), len(content) - 1 - dice.randrange(8)))
        content[place] ^= 1 << dice.randrange(8)
    forger.with_file(path, file, bytes(content))
    return f"{file} changed"


def _archive(forger: Forger, dice: random.Random, path: Path) -> str:
    whole = bytearray(forger.with_text(path, json.dumps(forger.manifest)).read_bytes())
    if dice.random() < 0.3:
        del whole[dice.randrange(len(whole)) :]
    else:
        for _ in range(dice.randint(1, 4)):
            ends = dice.randrange(4000), len(whole) - 1 - dice.randrange(400)
            whole[dice.choice((dice.randrange(len(whole)), *ends))] = dice.randrange(256)
    path.write_bytes(whole)
    return "archive changed"


KINDS: tuple[Change, ...] = (*(_value,) * 6, _figures, _words, *(_archive,) * 2)
CONTENT_KINDS: tuple[Change, ...] = (_content,) * 6


class Campaign:
    """Imports changed bundles one by one, and lets every command loose on what came in."""

    def __init__(self, ground: Ground, seed: int) -> None:
        self.ground, self.dice, self.tally = ground, random.Random(seed), Tally()
        self._small = Forger(make_small(ground.folder))
        self._place = "--registry", str(ground.registry)
        self._live = self._digests()

    def step(self) -> None:
        """Try one changed bundle: load it as it is, then import it, and what came in with every command."""
        path = self.ground.folder / "changed.zcc"
        told = changed(self.ground.forger, self._small, self.dice, path)
        before = self._files()
        _, imported = self._try(told, ("run", path, "--explain"), ("import", path, "--name", "changed", "--yes"))
        self.tally.rounds += 1
        self.tally.endings["refused" if imported.refused else "imported"] += 1
        if not imported.refused:
            self._use(told)
        elif self._files() != before:
            self.tally.blame(told, ["refused, and something was written"])
        path.unlink()

    def _use(self, told: str) -> None:
        known = self._digests()
        ended = self._try(told, *(words for digest in known - self._live for words in self._with(digest)), *WHOLE)
        for each in ended[-len(WHOLE) :]:
            if each.code != 0:
                self.tally.blame(told, [f"{each.arguments[0]} fails for the whole registry"])
        if self._live - known:
            self.tally.blame(told, [f"{self._live - known} is lost"])
        self._try(told, *(("rm", digest, "--force") for digest in known - self._live), ("gc",))

    def _with(self, digest: str) -> tuple[Words, ...]:
        """What is done with an artifact that came in."""
        again = self.ground.folder / "again.zcc"
        shown = ("show", digest), ("show", digest, "--json")
        return *shown, ("run", digest, self.ground.picture), ("export", digest, again)

    def _digests(self) -> set[str]:
        [listed] = attack_in_turn([("list", "--json", *self._place)])
        return {each["digest"] for each in json.loads(listed.out)} if listed.code == 0 else set()

    def _files(self) -> set[Path]:
        found = self.ground.registry.rglob("*")
        return {path for path in found if path.is_file() and "locks" not in path.parts and "sqlite-" not in path.name}

    def _try(self, told: str, *commands: Words) -> list[Ended]:
        ended = attack_in_turn([(*words, *self._place) for words in commands])
        return [self.tally.add(told, each, seconds=SECONDS) for each in ended]


def attack_bundles(folder: Path, rounds: int, seed: int) -> Tally:
    """Try so many changed bundles."""
    prepare()
    os.environ["ZCC_CACHE"] = str(folder / "cache")
    campaign = Campaign(open_ground(folder), seed)
    for _ in range(rounds):
        campaign.step()
    return campaign.tally


if __name__ == "__main__":
    sys.exit(run_script(attack_bundles, 500, __doc__))
