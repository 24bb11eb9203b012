"""Bundles whose manifests and figures were changed at random: each is refused whole, or does no harm afterwards."""

from __future__ import annotations

import json
import random
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tests.registry.samples import artifact
from zcc.commands.main import cli
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle, import_bundle
from zcc.runtime.bundle import INDEX, Bundle
from zcc.runtime.errors import ZccError
from zcc.runtime.escaping import is_printable
from zcc.runtime.manifest import BuildStage, Measurement, Run

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3.5, -0.0, 1e308, 10**18, 2**63, 10**60, 640, 8193),
    *("", "x", "fp32", "yolo", "../x", "/etc/passwd", "x" * 5000, "\x1b[31m", "\x9b1m", "\u202e", "\x00", "a\nb"),
    *("\ud800", "[bold]", "%s", "{}", "ä☆", "sha256:" + "0" * 64, "0" * 64, "2026-01-01", "NaN", "0001-01-01T00:00:00"),
    *([], {}, [[]], [{}], {"": 1}, {"\x1b": 1}, [1, 2, 3], ["x"] * 300, {"kind": "same", "size": 1}),
)
WORDS = ("NaN", "Infinity", "-Infinity", "1e999", "1" * 4400, "[" * 3000 + "]" * 3000)
RARELY = 0.1


@dataclass
class Mutated:
    """What came of many changed bundles."""

    endings: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a document with every key or index in it."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def mutate(document: Any, draw: random.Random) -> None:
    """Change one value: to something else, to what stands elsewhere, to nothing, or under another name."""
    container, key = draw.choice(list(places(document)))
    other, place = draw.choice(list(places(document)))
    kind = draw.randrange(5)
    if kind <= 1:
        container[key] = draw.choice(VALUES)
    elif kind == 2:
        container[key] = json.loads(json.dumps(other[place]))
    elif kind == 3:
        del container[key]
    elif isinstance(container, dict):
        container[draw.choice((f"{key}x", key[:-1], "\x1b]0;x\x07"))] = container[key]
    else:
        container.append(container[key])


def _written(document: Any, draw: random.Random) -> str:
    """The document as JSON, rarely with something in it that is none."""
    text = json.dumps(document)
    if draw.random() < RARELY:
        numbers = [place for place in range(len(text) - 1) if text[place] in ":, " and text[place + 1].isdigit()]
        if numbers:
            place = draw.choice(numbers) + 1
            end = next(stop for stop in range(place, len(text)) if not (text[stop].isdigit() or text[stop] == "."))
            text = text[:place] + draw.choice(WORDS) + text[end:]
    return text


def fuzz(work: Path, rounds: int, seed: int) -> Mutated:
    """Change a bundle in many ways, import it beside a sound artifact, and use the registry."""
    draw, told = random.Random(seed), Mutated()
    sound = _sound(work)
    for number in range(rounds):
        with zipfile.ZipFile(sound) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members[INDEX] = _changed(members[INDEX].decode(), draw).encode("utf-8", "surrogatepass")
        with zipfile.ZipFile(work / "changed.zcc", "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        told.wrong += [f"{seed}/{number}: {what}" for what in _wrong(work, told.endings)]
    return told


def _sound(work: Path) -> Path:
    source = Registry.open(work / "source")
    figures = (Measurement("latency_ms", 5.0, "median"), Measurement("map50_95", 0.5, "COCO"))
    more: dict[str, Any] = {
        "measured": figures,
        "stages": (BuildStage("build", 1.5, 100.0),),
        "expansion": (Run("same", 1000), Run("half", 1000)),
        "kernels": {"calls": [{"kernel": "conv", "makes": "lv4", "flops": 10, "bytes": 20}], "threads": 2},
        "precision": {"storage": "float32", "layers": {"float32": ["lv4", "lv9"]}},
        "formats": ("bgr", "nv12"),
    }
    for dtype in ("fp32", "int8"):
        found = source.publish(*artifact(work / dtype, "net", dtype=dtype, size=2000, **more))
        source.record_measurement(found.digest, Measurement("latency_ms", 4.0, "median"))
    export_bundle(source, ["net"], work / "sound.zcc")
    Registry.open(work / "home").publish(*artifact(work / "own", "own", size=2000))
    return work / "sound.zcc"


def _changed(index: str, draw: random.Random) -> str:
    document = json.loads(index)
    variant = draw.choice(document["variants"])
    manifest = json.loads(variant["manifest"])
    for _ in range(draw.choice((1, 1, 1, 2, 5))):
        mutate(draw.choice((manifest, manifest, manifest, variant["measured"] or manifest)), draw)
    variant["manifest"] = _written(manifest, draw)
    if draw.random() < RARELY:
        mutate(document, draw)
    return _written(document, draw) if draw.random() < RARELY else json.dumps(document)


def _wrong(work: Path, endings: Counter[str]) -> Iterator[str]:
    home = work / "changed"
    shutil.copytree(work / "home", home)
    before = _files(home)
    try:
        import_bundle(Registry.open(home), Bundle(work / "changed.zcc"))
    except ZccError as error:
        endings[type(error).__name__] += 1
        if not is_printable(str(error)) or len(str(error)) > 700 or not error.remedy:
            yield f"the refusal {error!a}"
        if _files(home) != before:
            yield f"refused, and something was written: {error}"
    except Exception as error:  # noqa: BLE001 - that there is none is what is tested
        yield f"{type(error).__name__}: {error}"
    else:
        endings["imported"] += 1
        yield from _broken(home)
    shutil.rmtree(home)


def _files(home: Path) -> set[Path]:
    return {path for path in home.rglob("*") if path.is_file() and "locks" not in path.parts}


COMMANDS: tuple[Callable[[str], tuple[str, ...]], ...] = (
    lambda digest: ("list",),
    lambda digest: ("list", "--json"),
    lambda digest: ("show", digest),
    lambda digest: ("show", digest, "--json"),
    lambda digest: ("verify",),
    lambda digest: ("gc",),
    lambda digest: ("export", digest, "out.zcc"),
    lambda digest: ("run", digest, "--explain"),
)


def _broken(home: Path) -> Iterator[str]:
    """Commands that fail over what was imported; `run` may say that it cannot run here."""
    runner = CliRunner()
    with runner.isolated_filesystem():
        for digest in {found.digest for found in Registry.open(home).artifacts()}:
            for make in COMMANDS:
                command = make(digest)
                done = runner.invoke(cli, [*command, "--registry", str(home)])
                fails = done.exit_code != 0 and command[0] != "run"
                if fails or "unexpected" in done.stderr or not all(map(is_printable, done.output.splitlines())):
                    yield f"{command}: {done.output[-300:]!a}"
