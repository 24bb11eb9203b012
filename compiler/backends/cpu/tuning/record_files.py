"""A target's records as files: those of kernels, and those of networks beside them."""

from __future__ import annotations

from pathlib import Path

from zcc.compiler.backends.common.record_folders import LOCK
from zcc.compiler.backends.cpu.forms.networks import merged_networks, read_networks, write_networks
from zcc.compiler.backends.cpu.forms.records import RECORDS, best_only, merged, read_records, write_records
from zcc.compiler.backends.search import RecordCounts
from zcc.registry.locks import exclusive


class CpuRecordFiles:
    """The contract of record files, for CPUs."""

    def folders(self, home: Path) -> list[Path]:
        """Those with records of kernels; records of networks lie beside them."""
        return [path.parent for path in sorted(home.glob(f"*/{RECORDS}"))]

    def count(self, folder: Path) -> RecordCounts:
        """Kernels, their forms, and networks."""
        database = read_records(folder)
        records = [record for kernel in database.values() for record in kernel.records.values()]
        failed = sum(record.failed for record in records)
        return RecordCounts(len(database), len(records), failed, len(read_networks(folder)))

    def export(self, own: Path, folder: Path) -> None:
        """The quickest form of each kernel, and all of each network."""
        write_records(folder, best_only(merged(read_records(own), read_records(folder))))
        write_networks(folder, merged_networks(read_networks(own), read_networks(folder)))

    def add(self, folder: Path, own: Path) -> None:
        """Everything, in the seconds of the user's own machine."""
        own.mkdir(parents=True, exist_ok=True)
        with exclusive(own / LOCK):
            write_records(own, merged(read_records(own), read_records(folder)))
            write_networks(own, merged_networks(read_networks(own), read_networks(folder)))
