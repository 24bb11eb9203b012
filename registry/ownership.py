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
        staged = stage(home / "staging")
        write_flushed(staged, str(identity).encode())
        staged.replace(home / MARK)


def claimed(home: Path) -> bool:
    """Whether any index ever published into the folder."""
    return (home / MARK).exists()


def check_owner(home: Path, identity: str | None) -> None:
    """Refuse a claimed folder that is another index's."""
    mark = home / MARK
    if mark.read_text(encoding="utf-8") != identity:
        raise RegistryError(
            f"the files in {home} belong to another index than this registry's",
            f"restore that index, or delete {mark} if it is gone for good",
        )
