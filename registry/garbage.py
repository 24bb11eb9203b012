"""Freeing what somebody removed, and what nobody needs. What the index merely does not know is kept."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zcc.registry.orphans import Orphan, find_orphans, read_folder
from zcc.registry.tree import Item, Stray, Tree
from zcc.runtime.manifest import Manifest

DAY = 86_400
ORPHAN_DAYS = 7  # that a folder which nobody removed is kept at least


@dataclass(frozen=True)
class Spared:
    """What is left for now."""

    grace: float = 0  # seconds since anybody touched it
    orphans: bool = True  # whether artifacts that the index does not know are kept, however old
    orphan_days: float = ORPHAN_DAYS


@dataclass(frozen=True)
class Garbage:
    """What lies in the registry's folder and belongs to no artifact."""

    folders: tuple[Path, ...] = ()  # of removed artifacts, and of orphans when these go, too
    files: tuple[Path, ...] = ()
    staged: tuple[Path, ...] = ()  # what killed processes were preparing
    bytes: int = 0
    orphans: tuple[str, ...] = ()  # digests of artifacts that the index does not know, and that are kept
    strays: tuple[Stray, ...] = ()  # what is not the registry's, and left alone
    in_use: tuple[Path, ...] = ()  # folders that would go, if no running detector held them

    def describe(self) -> dict[str, Any]:
        """Counts and bytes, as users see them in `--json`."""
        return {
            "folders": len(self.folders),
            "files": len(self.files),
            "staged": len(self.staged),
            "bytes": self.bytes,
            "orphans": list(self.orphans),
            "in_use": [str(folder) for folder in self.in_use],
            "left_alone": [{"path": str(stray.path), "what": stray.what} for stray in self.strays],
        }


NOTHING = Garbage()


@dataclass(frozen=True)
class DeletionPlan:
    """What is to be deleted, and what is told of it."""

    told: Garbage
    items: tuple[Item, ...]

    def discard(self, tree: Tree) -> None:
        """Delete it all."""
        for item in self.items:
            tree.remove(item)


def collect(tree: Tree, live: dict[str, Manifest], removals: Collection[str], spared: Spared) -> DeletionPlan:
    """What was removed, what nothing refers to, and what killed processes left; the caller keeps publishers out."""
    survey = tree.survey()
    orphans = find_orphans(tree, survey, {*live, *removals})
    kept = [orphan for orphan in orphans if not _goes(orphan, spared)]
    gone = _settled((item for digest, item in survey.artifacts.items() if digest in removals), spared.grace)
    leaving = (*gone, *(orphan.item for orphan in orphans if orphan not in kept))
    held = [item for item in leaving if tree.in_use(item)]
    folders = tuple(item for item in leaving if item not in held)
    manifests = [*live.values(), *(orphan.manifest for orphan in kept if orphan.manifest)]
    manifests += [read_folder(tree, f"sha256:{item.place[-1]}", item) for item in held]
    used = {entry.sha256 for manifest in manifests for entry in manifest.files}
    files = _settled((item for sha256, item in survey.contents.items() if sha256 not in used), spared.grace)
    staged = _settled(survey.staged, spared.grace)
    known = {*live, *(orphan.digest for orphan in kept)}
    told_of_gone = _settled((item for digest, item in survey.results.items() if digest not in known), spared.grace)
    items = (*staged, *folders, *files, *told_of_gone)
    folders_of, files_of, staged_of = (_paths(tree, group) for group in (folders, files, staged))
    kept_digests = tuple(orphan.digest for orphan in kept)
    told = Garbage(
        folders_of, files_of, staged_of, _bytes_of(items), kept_digests, tuple(survey.strays), _paths(tree, held)
    )
    return DeletionPlan(told, items)


def _paths(tree: Tree, items: Iterable[Item]) -> tuple[Path, ...]:
    return tuple(tree.home.joinpath(*item.place) for item in items)


def _goes(orphan: Orphan, spared: Spared) -> bool:
    return not spared.orphans and _age(orphan.item) >= max(spared.grace, spared.orphan_days * DAY)


def _settled(items: Iterable[Item], grace: float) -> tuple[Item, ...]:
    # The time of the last change of an inode: linking a file into a folder counts as touching it.
    return tuple(item for item in items if _age(item) >= grace)


def _age(item: Item) -> float:
    return time.time() - item.changed


def _bytes_of(doomed: Iterable[Item]) -> int:
    """What deleting them gives back: files that keep a link elsewhere give nothing."""
    stats = [each for item in doomed for each in item.files]
    doomed_links = Counter((each.st_dev, each.st_ino) for each in stats)
    inodes = {(each.st_dev, each.st_ino): each for each in stats}
    return sum(each.st_size for inode, each in inodes.items() if doomed_links[inode] == each.st_nlink)
