"""All records of a registry and those that came with zcc, by target: told, exported and imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zcc.compiler.backends.cpu.forms.lookup import OWN, SHIPPED
from zcc.compiler.backends.cpu.forms.networks import Networks, merged_networks, read_networks, write_networks
from zcc.compiler.backends.cpu.forms.records import RECORDS, Database, best_only, merged, read_records, write_records
from zcc.compiler.backends.target import Target
from zcc.compiler.tuning.tune import LOCK
from zcc.registry.locks import exclusive
from zcc.runtime.errors import TuningError

YOURS, OURS = "yours", "zcc's"


@dataclass(frozen=True)
class TargetRecords:
    """How much is known about a target."""

    target: str
    whose: str
    kernels: int
    forms: int
    failed: int
    networks: int  # in a dtype each, with forms of their own


def statistics(home: Path) -> list[TargetRecords]:
    """What the user's records and zcc's know, by target."""
    told = [
        _count(name, whose, database, read_networks(folder / name))
        for whose, folder in ((YOURS, home / OWN), (OURS, SHIPPED))
        for name, database in _collection(folder)
    ]
    return sorted(told, key=lambda each: (each.target, each.whose))


@dataclass(frozen=True)
class Shipped:
    """The kernels on record that come with zcc: all of them, and by target key those that a machine can use."""

    all: int
    here: dict[str, int]


def shipped_for(targets: Iterable[Target]) -> Shipped:
    """What comes with zcc for these targets, with the cores that their work is cut for."""
    counts = {key: len(database) for key, database in _collection(SHIPPED)}
    keys = [target.key for target in targets]
    return Shipped(sum(counts.values()), {key: counts[key] for key in keys if key in counts})


def export_records(home: Path, folder: Path) -> list[TargetRecords]:
    """Write the quickest form of each kernel, and all of each network, to a folder, beside what it holds already."""
    written = []
    for name, database in _collection(home / OWN):
        kept = best_only(merged(database, read_records(folder / name)))
        networks = merged_networks(read_networks(home / OWN / name), read_networks(folder / name))
        write_records(folder / name, kept)
        write_networks(folder / name, networks)
        written.append(_count(name, YOURS, kept, networks))
    if not written:
        raise TuningError(f"there are no records in {home / OWN}", "tune a model first: zcc tune MODEL.onnx")
    return written


def import_records(folder: Path, home: Path) -> None:
    """Add the records of a folder to the user's own."""
    found = list(_collection(folder))
    if not found:
        raise TuningError(f"{folder} holds no records", "name a folder that `zcc tune --export` wrote")
    for name, database in found:
        own = home / OWN / name
        own.mkdir(parents=True, exist_ok=True)
        with exclusive(own / LOCK):
            write_records(own, merged(read_records(own), database))
            write_networks(own, merged_networks(read_networks(own), read_networks(folder / name)))


def _collection(folder: Path) -> Iterator[tuple[str, Database]]:
    """The target keys of a folder with their records."""
    for path in sorted(folder.glob(f"*/{RECORDS}")):
        yield path.parent.name, read_records(path.parent)


def _count(target: str, whose: str, database: Database, networks: Networks) -> TargetRecords:
    records = [record for kernel in database.values() for record in kernel.records.values()]
    failed = sum(record.failed for record in records)
    return TargetRecords(target, whose, len(database), len(records), failed, len(networks))
