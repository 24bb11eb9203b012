"""How quickly a registry of ten thousand artifacts answers: `python -m benchmarks.registry [--artifacts N]`.

It fills a registry in a folder of its own with rows that differ in name, dtype and figures, and prints medians:
a list that is narrowed down, as a command and within a process; loading by name against loading by path; upgrading the
index from every older schema; publishing against copying with a flush; signing and verifying, in bytes a second.
Processes that it starts find compiled bytecode, as those of an installed zcc do.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from zcc.registry import Registry
from zcc.registry.database import File
from zcc.registry.listing import ListFilter
from zcc.registry.rows import REPEATED
from zcc.registry.summaries import summary_of
from zcc.registry.upgrade import engine_of, revisions, upgrade
from zcc.runtime.manifest import FileEntry, HeadInfo, InputSpec, Manifest, Measurement, Requirements, Run, file_sha256

DTYPES = ("fp32", "fp16", "bf16", "int8")
NAMES = 1000
CALLS = 100  # kernels in a manifest, which then has as many bytes as one of YOLOv8n
WEIGHTS = 200_000_000  # bytes that are published, signed and verified


def manifest_of(number: int, files: tuple[FileEntry, ...] = ()) -> Manifest:
    """One of many manifests, with as much in it as a real one has."""
    calls = [
        {"kernel": f"conv_3x3s1_{place}_64_80x80_silu", "makes": f"layer {place}", "flops": 1e8, "bytes": 1e6}
        for place in range(CALLS)
    ]
    figures = (
        Measurement("latency_ms", 5 + number % 997 / 20, "median of 15 frames of 1920x1080 noise, 2 threads"),
        Measurement("map50_95", number % 1009 / 1009, "COCO, 100 pictures of val"),
    )
    return Manifest(
        name=f"camera-{number % NAMES:04d}",
        dtype=DTYPES[number // NAMES % len(DTYPES)],
        fingerprint=f"fingerprint {number}",
        model_sha256=f"{number:064x}",
        kernels={"calls": calls},
        expansion=tuple(Run("same", 4096, {"shape": [8, 8, 64, 64]}) for _ in range(CALLS)),
        measured=figures,
        target="x86-64-v4",
        input=InputSpec(640, 640),
        head=HeadInfo("v8", (1, 84, 8400), 8400, 80, 300),
        classes=tuple(f"class {place}" for place in range(80)),
        requires=Requirements("linux", "x86_64", ("avx512f",), "0.27.0"),
        files=files or (FileEntry("model.so", f"{number:064x}", 1_000_000 + number),),
        workspace={"detect": 1 << 20, "network": 1 << 19},
        created="2026-11-20T10:00:00+00:00",
        versions={"zcc": "0.1.0", "tvm": "0.27.0"},
    )


def fill(home: Path, count: int) -> None:
    """An index of so many artifacts, whose files are not there."""
    registry = Registry.open(home)
    registry.protect("nobody", "never", None)  # makes the index
    with sqlite3.connect(home / "index.sqlite") as index:
        for number in range(count):
            manifest = manifest_of(number)
            values = {name: getattr(manifest, name) for name in REPEATED}
            values |= {"digest": manifest.digest, "turn": number, "manifest": manifest.to_json()}
            _insert(index, "artifacts", values)
            _insert(index, "summaries", {"digest": manifest.digest, **summary_of(manifest)})


def _insert(index: sqlite3.Connection, table: str, values: dict[str, object]) -> None:
    names = ", ".join(values)
    index.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})", values)


def with_bytecode(place: Path) -> None:
    """Let this process and those that it starts keep their bytecode in a folder, wherever they may not."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(place)


def median(work: Callable[[], object], rounds: int = 9) -> float:
    """Milliseconds that the work takes, after one go that does not count."""
    taken = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        work()
        taken.append(1e3 * (time.perf_counter() - start))
    return statistics.median(taken[1:])


def lists(home: Path) -> Iterator[tuple[str, float]]:
    """A narrow list, and one that has to look at every figure."""
    registry = Registry.open(home)
    narrow = ListFilter(pattern="camera-00*", dtypes=("int8",), most_ms=20.0)
    yield "list by name, dtype and latency, ms", median(lambda: registry.browse(narrow))
    yield "list by latency alone, ms", median(lambda: registry.browse(ListFilter(most_ms=5.2), "map"))
    words = ["list", "camera-00*", "--dtype", "int8", "--max-ms", "20", "--sort", "map", "--registry", str(home)]
    command = [sys.executable, "-m", "zcc", *words]
    yield (
        "the command `zcc list` with those, ms",
        median(lambda: subprocess.run(command, capture_output=True, check=True)),
    )
    nothing = [sys.executable, "-c", "import zcc.commands.main"]
    yield "  of which starting Python and the commands, ms", median(lambda: subprocess.run(nothing, check=True))


def loads(home: Path) -> Iterator[tuple[str, float]]:
    """What finding a variant by its name takes beyond finding it by its path, each in a process of its own."""
    registry = Registry.open(home)
    [artifact] = registry.find("camera-0001", dtype="int8")
    artifact.folder.mkdir(parents=True, exist_ok=True)
    for each in registry.find("camera-0001"):
        each.folder.mkdir(parents=True, exist_ok=True)
        (each.folder / "meta.json").write_text(each.manifest.text)
    code = (
        "import sys, time\nfrom zcc.runtime.detector import find_source\nfor _ in range(2):\n"
        "    start = time.perf_counter()\n    find_source(sys.argv[1], sys.argv[2]).variants(sys.argv[1])\n"
        "    print(1e3 * (time.perf_counter() - start))"
    )

    def asked(reference: str) -> list[float]:
        return [*map(float, subprocess.check_output([sys.executable, "-c", code, reference, str(home)]).split())]

    turns = [asked(str(artifact.folder)) + asked("camera-0001") for _ in range(12)][1:]  # a machine's speed changes
    path_first, path_again, name_first, name_again = map(statistics.median, zip(*turns, strict=True))
    yield "first in a process: found by path, ms", path_first
    yield "first in a process: by name, ms beyond that", name_first - path_first
    yield "again: found by path, ms", path_again
    yield "again: by name, ms beyond that", name_again - path_again


def upgrades(home: Path) -> Iterator[tuple[str, float]]:
    """The index as each older zcc would have it, upgraded."""
    for revision in sorted(revisions())[:-1]:
        old = home.with_name(f"old-{revision}")
        old.mkdir()
        engine = engine_of(old / "index.sqlite", 60)
        with engine.begin() as connection:
            upgrade(connection, revision)
        with sqlite3.connect(old / "index.sqlite") as index:
            index.execute("ATTACH ? AS newest", (str(home / "index.sqlite"),))
            columns = ", ".join(row[1] for row in index.execute("PRAGMA table_info(artifacts)"))
            index.execute(f"INSERT INTO artifacts ({columns}) SELECT {columns} FROM newest.artifacts")
        start = time.perf_counter()
        registry = Registry.open(old)
        with File(old / "index.sqlite", writable=True, patience=60).transaction():
            pass
        registry.revision()
        yield f"upgraded from schema {revision}, s", time.perf_counter() - start
        shutil.rmtree(old)


def bytes_moved(place: Path) -> Iterator[tuple[str, float]]:
    """Publishing, signing and verifying a large artifact."""
    from zcc.registry.signing import load_private_key, make_key

    folder = place / "large"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(os.urandom(WEIGHTS))
    entry = FileEntry("weights.bin", file_sha256(folder / "weights.bin"), WEIGHTS)
    copied, published = [], []
    for number in range(3):
        copied.append(_timed(lambda: _copy(folder / "weights.bin", place / "copy")))
        home = place / f"published-{number}"
        registry = Registry.open(home)
        registry.protect("nobody", "never", None)
        manifest = replace(manifest_of(number), files=(entry,), expansion=())
        published.append(_timed(lambda: registry.publish(folder, manifest)))  # noqa: B023 - called at once
    yield "publish, times a copy with a flush", statistics.median(published) / statistics.median(copied)
    key = load_private_key(make_key(place / "key")[0])
    found = registry.artifacts()

    def sign() -> None:
        registry.check_whole(found)
        registry.add_envelopes(found[0].digest, [key.sign(found[0].manifest)])

    yield "sign, GB/s", WEIGHTS / 1e6 / median(sign, 3)
    yield "verify the registry, GB/s", WEIGHTS / 1e6 / median(registry.verify, 3)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        os.fsync(writer.fileno())


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print each figure as it comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artifacts", type=int, default=10_000)
    parts = ("lists", "loads", "upgrades", "bytes")
    parser.add_argument("--only", action="append", choices=parts, help="just these figures; may be given several times")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with_bytecode(Path(folder) / "bytecode")
        home = Path(folder) / "registry"
        if wanted.only != ["bytes"]:
            fill(home, wanted.artifacts)
        made = (lists(home), loads(home), upgrades(home), bytes_moved(Path(folder)))
        for name, figures in zip(parts, made, strict=True):
            for told, figure in figures if name in (wanted.only or parts) else ():
                print(f"{told:<55} {figure:10.2f}", flush=True)


if __name__ == "__main__":
    main()
