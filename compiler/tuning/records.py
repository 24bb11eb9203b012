"""Tuning records: MetaSchedule's two JSON files in a folder, sorted, each form of a kernel once.

`database_workload.json` has a line for each kernel, its structural hash and what it is; `database_tuning_record.json`
has a line for each form that was measured. MetaSchedule's own JSONDatabase opens them, and appends to them while a
search runs; they are read here line by line, so that a lookup costs milliseconds and a line that a killed search left
half written costs that line alone.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from zcc.compiler.tuning.workload import CHOICE_MARK, KERNEL_MARK

WORKLOADS, RECORDS = "database_workload.json", "database_tuning_record.json"
FAILED = 1e9  # seconds from which on a record says that its form failed: MetaSchedule writes 1e10
NOTICEABLE = 0.99  # a form is taken when it needs less than this share of the default's time


@dataclass(frozen=True)
class Record:
    """One form of one kernel, and what became of it."""

    choice: str
    seconds: float  # set against the default form's, both measured in turns
    line: tuple[Any, ...] = field(repr=False, compare=False)  # trace, run seconds, target and arguments

    @property
    def failed(self) -> bool:
        """Whether the form could not be built, crashed, hung, or computed something else."""
        return self.seconds >= FAILED


@dataclass
class Kernel:
    """What is known about one kernel."""

    module: str  # as MetaSchedule writes it
    records: dict[str, Record] = field(default_factory=dict)

    def best(self, default: str) -> str | None:
        """The quickest form; None when nothing is known, or none is noticeably quicker than the default."""
        sound = [record for record in self.records.values() if not record.failed]
        quickest = min(sound, key=_speed, default=None)
        if quickest is None or quickest.choice == default:
            return None
        known = self.records.get(default)
        if known and not known.failed and quickest.seconds > NOTICEABLE * known.seconds:
            return None
        return quickest.choice

    @property
    def description(self) -> str:
        """The spec that the kernel was made from, as text."""
        text = base64.b64decode(self.module)[8:].decode()
        strings = [node.get("data") for node in json.loads(text)["nodes"] if node["type"] == "ffi.String"]
        marks = [each for each in strings if re.match(r"[A-Z]\w+\(", each)]
        return marks[0] if marks else KERNEL_MARK


Database = dict[str, Kernel]  # by structural hash


def read_records(folder: Path) -> Database:
    """The records of a folder; none where there are none."""
    database: Database = {}
    kernels: list[Kernel | None] = []
    for line in _lines(folder / WORKLOADS):
        kernels.append(database.setdefault(str(line[0]), Kernel(str(line[1]))) if line else None)
    for line in _lines(folder / RECORDS):
        kernel = kernels[line[0]] if line and line[0] < len(kernels) else None
        record = _record(line[1]) if line else None
        if kernel and record:
            _keep(kernel.records, record)
    return database


def write_records(folder: Path, database: Database) -> None:
    """Write both files whole, sorted by kernel and by time."""
    folder.mkdir(parents=True, exist_ok=True)
    kernels = sorted(database.items(), key=lambda item: int(item[0]))
    _replace(folder / WORKLOADS, ([key, kernel.module] for key, kernel in kernels))
    _replace(
        folder / RECORDS,
        (
            [index, list(record.line)]
            for index, (_, kernel) in enumerate(kernels)
            for record in sorted(kernel.records.values(), key=_speed)
        ),
    )


def merged(*databases: Database) -> Database:
    """All records; where several know a kernel, in the seconds of the first, by the forms that they have in common."""
    result: Database = {}
    for database in databases:
        for key, kernel in database.items():
            if key not in result:
                result[key] = replace(kernel, records=dict(kernel.records))
                continue
            known = result[key].records
            for record in _in_seconds_of(known, kernel.records):
                _keep(known, record)
    return result


def best_only(database: Database) -> Database:
    """Each kernel with its quickest form alone: enough to compile by."""
    slim: Database = {}
    for key, kernel in database.items():
        sound = [record for record in kernel.records.values() if not record.failed]
        if sound:
            quickest = min(sound, key=_speed)
            slim[key] = replace(kernel, records={quickest.choice: quickest})
    return slim


def digest(database: Database) -> str:
    """The hash of what is known: equal records give equal builds."""
    known = {
        key: sorted((record.choice, record.seconds) for record in kernel.records.values())
        for key, kernel in database.items()
    }
    return sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _lines(path: Path) -> Iterator[Any | None]:
    """What each line says; None for half a line, where a search was killed."""
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            yield json.loads(line)
        except ValueError:
            yield None


def _record(content: Any) -> Record | None:
    (instructions, _), seconds, *_ = content
    for name, inputs, attributes, _ in instructions:
        if name == "Annotate" and attributes == [CHOICE_MARK]:
            return Record(str(inputs[1]).strip('"'), float(min(seconds)), tuple(content))
    return None


def _speed(record: Record) -> tuple[float, str]:
    return record.seconds, record.choice


def _keep(records: dict[str, Record], record: Record) -> None:
    known = records.get(record.choice)
    if known is None or record.seconds < known.seconds:
        records[record.choice] = record


def _in_seconds_of(known: dict[str, Record], incoming: dict[str, Record]) -> Iterator[Record]:
    """Incoming records as the known ones' clock would have it."""
    both = [
        (known[name].seconds, record.seconds)
        for name, record in incoming.items()
        if name in known and not record.failed and not known[name].failed
    ]
    factor = sum(ours for ours, _ in both) / sum(theirs for _, theirs in both) if both else 1.0
    for record in incoming.values():
        seconds = record.seconds if record.failed else record.seconds * factor
        trace, _, *rest = record.line
        yield replace(record, seconds=seconds, line=(trace, [seconds], *rest))


def _replace(path: Path, lines: Iterable[Any]) -> None:
    draft = path.with_suffix(".part")
    draft.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    draft.replace(path)
