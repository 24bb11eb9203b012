"""Indexes damaged at random, and what every use of them may do: work, or end in one clear line."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.registry.samples import artifact
from zcc.registry import Registry
from zcc.runtime.errors import ZccError
from zcc.runtime.manifest import Measurement

PAGE = 4096


def flip(content: bytearray, draw: random.Random) -> None:
    """One bit of one byte."""
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def overwrite(content: bytearray, draw: random.Random) -> None:
    """A stretch of bytes."""
    start = draw.randrange(len(content))
    length = min(draw.choice((1, 4, 64, 600)), len(content) - start)
    content[start : start + length] = draw.randbytes(length)


def swap_pages(content: bytearray, draw: random.Random) -> None:
    """Two pages, the one where the other was."""
    one, other = (PAGE * place for place in draw.sample(range(len(content) // PAGE), 2))
    content[one : one + PAGE], content[other : other + PAGE] = (
        content[other : other + PAGE],
        content[one : one + PAGE],
    )


def blank_page(content: bytearray, draw: random.Random) -> None:
    """A page of zeros."""
    start = PAGE * draw.randrange(len(content) // PAGE)
    content[start : start + PAGE] = bytes(PAGE)


def cut(content: bytearray, draw: random.Random) -> None:
    """The end missing."""
    del content[draw.randrange(len(content)) :]


def swap_words(content: bytearray, draw: random.Random) -> None:
    """A word that the index is full of, as another."""
    words = (b"sha256:", b"yolo", b"fp32", b"latency_ms", b"prod", b"tag", b"median", b"x86-64-v4", b"import")
    word = draw.choice(words)
    place = content.find(word, draw.randrange(len(content)))
    if place >= 0:
        content[place : place + len(word)] = draw.randbytes(len(word))


KINDS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    *(flip, overwrite, swap_pages, blank_page, cut, swap_words),
)


@dataclass
class Attack:
    """What came of many damaged indexes."""

    endings: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def sample(home: Path, sources: Path) -> Registry:
    """A registry with artifacts, tags that moved, figures, and something that was removed."""
    registry = Registry.open(home)
    for seed in range(4):
        registry.publish(*artifact(sources / str(seed), seed=seed, size=2000), tags=["prod"])
    found = registry.publish(*artifact(sources / "int8", dtype="int8", size=2000), origin="import")
    registry.record_measurement(found.digest, Measurement("latency_ms", 5.0, "median"), "import")
    registry.record_measurement(found.digest, Measurement("map50_95", 0.5, "COCO"))
    registry.rollback("yolo", "prod")
    registry.remove(registry.publish(*artifact(sources / "gone", "gone", seed=9, size=2000)).digest)
    return registry


# Every command that reads or changes the index, by what is behind it.
USES: tuple[tuple[str, Callable[[Registry], object]], ...] = (
    ("list", lambda registry: [each.describe() for each in registry.listed()]),
    ("show", lambda registry: [each.describe() for each in registry.find("yolo")]),
    ("verify", lambda registry: registry.verify().describe()),
    ("history", lambda registry: [move.describe() for move in registry.history("yolo")]),
    ("gc", lambda registry: registry.gc().describe()),
    ("revision", lambda registry: registry.revision()),
    ("tag", lambda registry: registry.tag("yolo", "other")),
    ("rollback", lambda registry: registry.rollback("yolo", "prod")),
    ("rm", lambda registry: registry.remove("yolo", every=True, force=True)),
)


def attack(work: Path, rounds: int, seed: int) -> Attack:
    """Damage an index in many ways; what a use of it did that it must not."""
    sample(work / "sound", work / "sources")
    whole, draw, told = (work / "sound" / "index.sqlite").read_bytes(), random.Random(seed), Attack()
    for number in range(rounds):
        content, kind = bytearray(whole), draw.choice(KINDS)
        kind(content, draw)
        for name, use in USES:
            told.wrong += _wrong(work, bytes(content), f"{number} {kind.__name__} {name}", use, told.endings)
    return told


def _wrong(
    work: Path, content: bytes, label: str, use: Callable[[Registry], object], endings: Counter[str]
) -> Iterator[str]:
    home = work / "damaged"
    shutil.copytree(work / "sound", home, copy_function=_link)
    (home / "index.sqlite").unlink()
    (home / "index.sqlite").write_bytes(content)
    try:
        use(Registry.open(home))
        endings["worked"] += 1
    except ZccError as error:
        endings[type(error).__name__] += 1
        if not str(error).isprintable() or len(str(error)) > 700 or not error.remedy:
            yield f"{label}: {error}"
    except Exception as error:  # noqa: BLE001 - that there is none is what is tested
        yield f"{label}: {type(error).__name__}: {error}"
    live = {path.name for path in (work / "sound" / "artifacts").iterdir()} - {_gone(work)}
    if not live <= {path.name for path in (home / "artifacts").iterdir()}:
        yield f"{label}: artifacts were deleted"
    shutil.rmtree(home)


def _gone(work: Path) -> str:
    import json

    folders = (work / "sound" / "artifacts").iterdir()
    return next(folder.name for folder in folders if json.loads((folder / "meta.json").read_text())["name"] == "gone")


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)
