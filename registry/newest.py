"""A new index in a file, with the newest schema at once: as the migrations make it, without what runs these."""

from __future__ import annotations

import uuid
from pathlib import Path

from zcc.registry.database import File
from zcc.registry.revision import REVISION, VERSION_TABLE

SCHEMA = Path(__file__).parent / "migrations" / "newest.sql"  # a statement a line


def make_newest(path: Path, patience: float) -> None:
    """Make an SQLite file that holds an index with nothing in it, or none of that."""
    with File(path, writable=True, patience=patience).transaction() as new:
        for statement in SCHEMA.read_text(encoding="utf-8").splitlines():
            new.do(statement)
        new.insert(VERSION_TABLE, version_num=REVISION)
        new.insert("registry", id=uuid.uuid4().hex, turn=0)
