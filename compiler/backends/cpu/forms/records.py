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
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from zcc.compiler.backends.cpu.forms.workload import CHOICE_MARK, KERNEL_MARK
from zcc.runtime import limits
from zcc.runtime.errors import TuningError
from zcc.runtime.regular import read_regular

Line = TypeVar("Line")
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

    def best(self, default: str, offered: Container[str]) -> str | None:
        """The quickest form of those offered; None when none is known to be noticeably quicker than the default."""
        sound = sorted((record for record in self.records.values() if not record.failed), key=_speed)
        quickest = next((record for record in sound if record.choice in offered), None)
        if quickest is None or quickest.choice == default:
            return None
        known = self.records.get(default)
        # What was best is gone, and what took its place was not measured.
        if known is None and quickest is not sound[0]:
            return None
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
    """The records of a folder; none where there are none. Raises TuningError where a file is damaged."""
    database: Database = {}

    def kernel(line: Any) -> Kernel:
        key, module = line
        base64.b64decode(module, validate=True)
        return database.setdefault(str(int(key)), Kernel(module))

    def record(line: Any) -> tuple[Kernel, Record]:
        index, content = line
        return kernels[index], _record(content)

    kernels = dict(enumerate(_lines(folder / WORKLOADS, kernel)))
    for owner, known in _lines(folder / RECORDS, record):
        _keep(owner.records, known)
    return database


def write_records(folder: Path, database: Database) -> None:
    """Write both files whole, sorted by kernel and by time."""
    folder.mkdir(parents=True, exist_ok=True)
    kernels = sorted(database.items(), key=lambda item: int(item[0]))
    workloads = _drafted(folder / WORKLOADS, ([key, kernel.module] for key, kernel in kernels))
    records = _drafted(
        folder / RECORDS,
        (
            [index, list(record.line)]
            for index, (_, kernel) in enumerate(kernels)
            for record in sorted(kernel.records.values(), key=_speed)
        ),
    )
    # Records name kernels by their lines, so the files belong together: nothing may take long between the two.
    workloads.replace(folder / WORKLOADS)
    records.replace(folder / RECORDS)


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


def _lines(path: Path, read: Callable[[Any], Line]) -> Iterator[Line]:
    """What each line says. The last may be half a line, where a search was killed, and says nothing then."""
    content = read_regular(path, limits.RECORDS) if path.exists() else b""
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        try:
            said = read(json.loads(line))
        except (ValueError, TypeError, LookupError) as error:
            if not line.endswith(b"\n"):
                return
            problem = f"line {number} of {path} is no line of tuning records"
            raise TuningError(problem, "restore the folder, or delete it and tune again") from error
        yield said


def _record(content: Any) -> Record:
    (instructions, _), seconds, *_ = content
    [choice] = [inputs[1] for name, inputs, about, _ in instructions if (name, about) == ("Annotate", [CHOICE_MARK])]
    return Record(str(choice).strip('"'), float(min(seconds)), tuple(content))


def _speed(record: Record) -> tuple[float, str]:
    return record.seconds, record.choice


def _keep(records: dict[str, Record], record: Record) -> None:
    """Of several measurements the least is the least disturbed; but a form that ever failed is not to be trusted."""
    both = (records.get(record.choice, record), record)
    records[record.choice] = min(both, key=lambda each: (not each.failed, each.seconds))


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


def _drafted(path: Path, lines: Iterable[Any]) -> Path:
    draft = path.with_suffix(".part")
    draft.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    return draft
