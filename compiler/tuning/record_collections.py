"""All records of a registry and those that came with zcc, by target: told, exported and imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zcc.compiler.backends.common.record_folders import OWN, SHIPPED, of_other_cores
from zcc.compiler.backends.search import RecordFiles
from zcc.compiler.backends.table import BACKENDS
from zcc.compiler.backends.target import Target
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
    found = [
        _count(folder, whose, files)
        for whose, place in ((YOURS, home / OWN), (OURS, SHIPPED))
        for folder, files in _collection(place)
    ]
    return sorted(found, key=lambda each: (each.target, each.whose))


@dataclass(frozen=True)
class Shipped:
    """The kernels on record that come with zcc: all of them, and by folder those that a machine can use."""

    all: int
    here: dict[str, int]


def shipped_for(targets: Iterable[Target]) -> Shipped:
    """What comes with zcc for these targets, whatever number of cores it was made on."""
    counts = {folder.name: files.count(folder).kernels for folder, files in _collection(SHIPPED)}
    folders = [
        folder.name
        for target in targets
        for folder in (SHIPPED / target.key, *of_other_cores(SHIPPED / target.key, target))
    ]
    return Shipped(sum(counts.values()), {name: counts[name] for name in folders if name in counts})


def export_records(home: Path, folder: Path) -> list[TargetRecords]:
    """Write the quickest form of each kernel, and all of each network, to a folder, beside what it holds already."""
    written = []
    for own, files in _collection(home / OWN):
        files.export(own, folder / own.name)
        written.append(_count(folder / own.name, YOURS, files))
    if not written:
        raise TuningError(f"there are no records in {home / OWN}", "tune a model first: zcc tune MODEL.onnx")
    return written


def import_records(folder: Path, home: Path) -> None:
    """Add the records of a folder to the user's own."""
    found = list(_collection(folder))
    if not found:
        raise TuningError(f"{folder} holds no records", "name a folder that `zcc tune --export` wrote")
    for each, files in found:
        files.add(each, home / OWN / each.name)


def _collection(place: Path) -> Iterator[tuple[Path, RecordFiles]]:
    """The targets' folders in a place, with the backend's way to read them."""
    for backend in BACKENDS:
        if backend.tuner is not None:
            for folder in backend.tuner.records.folders(place):
                yield folder, backend.tuner.records


def _count(folder: Path, whose: str, files: RecordFiles) -> TargetRecords:
    known = files.count(folder)
    return TargetRecords(folder.name, whose, known.kernels, known.forms, known.failed, known.networks)
