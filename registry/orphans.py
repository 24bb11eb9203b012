"""Artifact folders that the index does not know: of an older index that was restored, of one that was lost."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from zcc.registry.tree import Foreign, Item, Survey, Tree
from zcc.runtime import limits
from zcc.runtime.errors import ArtifactError
from zcc.runtime.manifest import FILENAME, Manifest


@dataclass(frozen=True)
class Orphan:
    """A folder that bears a digest which is neither published nor removed."""

    digest: str
    item: Item
    manifest: Manifest | None  # None when its meta.json is not sound
    why: str = ""  # it is not


def find_orphans(tree: Tree, survey: Survey, known: Collection[str]) -> list[Orphan]:
    """The folders of none of the known digests."""
    return [_look(tree, digest, item) for digest, item in sorted(survey.artifacts.items()) if digest not in known]


def read_folder(tree: Tree, digest: str, item: Item) -> Manifest:
    """The manifest in an artifact's folder; ArtifactError, Foreign or OSError where it is not the digest's."""
    content = tree.read((*item.place, FILENAME), limits.MANIFEST + 1)
    if "sha256:" + hashlib.sha256(content).hexdigest() != digest:
        raise Foreign(f"has another {FILENAME} than its name says")
    return Manifest.from_json(content.decode("utf-8", "replace"), f"{FILENAME} of {digest[:19]}")


def _look(tree: Tree, digest: str, item: Item) -> Orphan:
    try:
        return Orphan(digest, item, read_folder(tree, digest, item))
    except (ArtifactError, Foreign) as error:
        return Orphan(digest, item, None, str(error))
    except OSError as error:
        return Orphan(digest, item, None, f"has no readable {FILENAME} ({error.strerror})")
