"""A target's records of tiles as files."""

from __future__ import annotations

from pathlib import Path

from zcc.compiler.backends.common.record_folders import LOCK
from zcc.compiler.backends.cuda.tile_records import TILES, read_tiles, write_tiles
from zcc.compiler.backends.search import RecordCounts
from zcc.registry.locks import exclusive


class CudaRecordFiles:
    """The contract of record files, for cards."""

    def folders(self, home: Path) -> list[Path]:
        """Those with records of tiles."""
        return [path.parent for path in sorted(home.glob(f"*/{TILES}"))]

    def count(self, folder: Path) -> RecordCounts:
        """Convolutions and their tiles; networks have no forms of their own."""
        tiles = [taken for known in read_tiles(folder).known.values() for taken in known.values()]
        return RecordCounts(len(read_tiles(folder).known), len(tiles), tiles.count(None), 0)

    def export(self, own: Path, folder: Path) -> None:
        """The best tile of each convolution."""
        records = read_tiles(folder)
        records.replace_by(read_tiles(own).best_only())
        write_tiles(folder, records)

    def add(self, folder: Path, own: Path) -> None:
        """Everything; a convolution's own figures stay together, since cards differ."""
        own.mkdir(parents=True, exist_ok=True)
        with exclusive(own / LOCK):
            records = read_tiles(folder)
            records.replace_by(read_tiles(own))
            write_tiles(own, records)
