"""Whose files lie in a folder: a mark that ties it to one index.

Collecting garbage deletes what an index does not know, so it must never meet the files of another index.
"""

from __future__ import annotations

from pathlib import Path

from zcc.registry.files import stage, write_flushed
from zcc.runtime.errors import RegistryError

MARK = "registry-id"


def claim(home: Path, identity: str | None) -> None:
    """Mark the folder as this index's, unless it is marked already."""
    if not claimed(home):
        mark(home, identity)


def mark(home: Path, identity: str | None) -> None:
    """Mark the folder as this index's, whoever's it was."""
    staged = stage(home / "staging")
    write_flushed(staged, str(identity).encode())
    staged.replace(home / MARK)


def claimed(home: Path) -> bool:
    """Whether any index ever published into the folder."""
    return (home / MARK).exists()


def owned(home: Path, identity: str | None) -> bool:
    """Whether a claimed folder is this index's."""
    return (home / MARK).read_bytes() == str(identity).encode()


def check_owner(home: Path, identity: str | None) -> None:
    """Refuse a claimed folder that is another index's."""
    if not owned(home, identity):
        raise RegistryError(
            f"the files in {home} belong to another index than this registry's",
            "restore that index; or, if it is gone for good, zcc reindex --adopt takes its artifacts over",
        )
