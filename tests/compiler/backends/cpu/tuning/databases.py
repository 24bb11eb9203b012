"""Tuning records, made as MetaSchedule makes them while a search runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tvm.s_tir import Schedule
from tvm.s_tir import meta_schedule as ms

from tests.compiler.backends.cpu.tuning.kernels import TARGET
from zcc.compiler.backends.cpu.forms.records import RECORDS, WORKLOADS
from zcc.compiler.backends.cpu.forms.workload import BLOCK, CHOICE_MARK, make_workload
from zcc.compiler.backends.cpu.kernels.choices import write_choice

FAILED = 1e10  # as MetaSchedule's AddToDatabase writes it


def open_database(folder: Path) -> Any:
    """MetaSchedule's own view of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return ms.database.JSONDatabase(str(folder / WORKLOADS), str(folder / RECORDS))


def append(folder: Path, spec: Any, measured: Iterable[tuple[Any, float]]) -> None:
    """Let MetaSchedule add (choice, seconds) pairs of a kernel to the records of a folder."""
    database = open_database(folder)
    workload = database.commit_workload(make_workload(spec))
    for choice, seconds in measured:
        sch = Schedule(make_workload(spec))
        sch.annotate(sch.get_sblock(BLOCK), CHOICE_MARK, write_choice(choice))
        target = TARGET.tvm_target()
        database.commit_tuning_record(ms.database.TuningRecord(sch.trace, workload, [seconds], target, None))


def content(folder: Path) -> tuple[bytes, bytes]:
    """Both files, byte for byte."""
    return (folder / WORKLOADS).read_bytes(), (folder / RECORDS).read_bytes()
