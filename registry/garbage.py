"""Freeing what no artifact refers to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zcc.registry.catalogue import manifest_of
from zcc.registry.files import Files, discard
from zcc.registry.folders import Folders


@dataclass(frozen=True)
class Garbage:
    """What lies in the registry's folder and belongs to no artifact."""

    folders: tuple[Path, ...]  # of removed artifacts
    files: tuple[Path, ...]
    staged: tuple[Path, ...]  # what killed processes were preparing
    bytes: int

    def describe(self) -> dict[str, Any]:
        """Counts and bytes, as users see them in `--json`."""
        return {
            "folders": len(self.folders),
            "files": len(self.files),
            "staged": len(self.staged),
            "bytes": self.bytes,
        }

    def discard(self) -> None:
        """Delete it all."""
        for path in (*self.staged, *self.folders, *self.files):
            discard(path)


NOTHING = Garbage((), (), (), 0)


def collect(home: Path, files: Files, folders: Folders, texts: dict[str, str], grace: float) -> Garbage:
    """What nothing refers to and nobody touched for `grace` seconds; the caller keeps publishers out."""
    manifests = [manifest_of(digest, text) for digest, text in texts.items()]
    used = {entry.sha256 for manifest in manifests for entry in manifest.files}
    dead_folders = _settled((path for digest, path in folders.made() if digest not in texts), grace)
    dead_files = _settled((path for sha256, path in files.stored() if sha256 not in used), grace)
    staged = _settled((home / "staging").glob("*"), grace)
    return Garbage(dead_folders, dead_files, staged, _bytes_of((*dead_folders, *dead_files, *staged)))


def _settled(paths: Iterable[Path], grace: float) -> tuple[Path, ...]:
    # The time of the last change of the inode: linking a file into a folder counts as touching it.
    return tuple(path for path in paths if time.time() - path.lstat().st_ctime >= grace)


def _bytes_of(doomed: Collection[Path]) -> int:
    """What deleting them gives back: files that keep a link elsewhere give nothing."""
    inside = [path for root in doomed for path in (root.rglob("*") if root.is_dir() else [root])]
    stats = [path.stat() for path in inside if path.is_file()]
    doomed_links = Counter(stat.st_ino for stat in stats)
    inodes = {stat.st_ino: stat for stat in stats}
    return sum(stat.st_size for inode, stat in inodes.items() if doomed_links[inode] == stat.st_nlink)
