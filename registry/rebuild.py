"""Making rows of the index from artifacts' folders: of those it does not know, and of those whose row is damaged."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zcc.registry.files import Files
from zcc.registry.folders import Folders
from zcc.registry.orphans import read_folder
from zcc.registry.tree import Foreign, Item, Tree
from zcc.runtime.errors import ArtifactError
from zcc.runtime.expansion import check_expansion
from zcc.runtime.manifest import Manifest, file_sha256

LOST = (
    "tags with their history, figures measured later, what was removed and the order of publishing were in the old "
    "index alone; what comes back counts as built elsewhere, the latest built as the last published"
)


@dataclass(frozen=True)
class Left:
    """A folder that cannot be taken back."""

    path: Path
    why: str


@dataclass(frozen=True)
class Rebuilt:
    """What came back into the index."""

    taken: tuple[Manifest, ...]  # that the index did not know
    mended: tuple[Manifest, ...]  # whose rows were damaged
    left: tuple[Left, ...]
    put_aside: Path | None = None  # where the old index lies now

    @property
    def lost(self) -> str:
        """What does not come back from the folders."""
        return LOST

    def describe(self) -> dict[str, Any]:
        """What was done, as users see it in `--json`."""
        return {
            "taken": [manifest.digest for manifest in self.taken],
            "mended": [manifest.digest for manifest in self.mended],
            "left": [{"path": str(left.path), "why": left.why} for left in self.left],
            "put_aside": None if self.put_aside is None else str(self.put_aside),
            "lost": LOST,
        }


@dataclass(frozen=True)
class Back:
    """An artifact that can come back, the earliest built first."""

    manifest: Manifest
    known: bool


class Rebuilding:
    """Looks through the folders of a registry, and makes what is stored whole again."""

    def __init__(self, tree: Tree, files: Files, folders: Folders) -> None:
        self._tree, self._files, self._folders = tree, files, folders
        self.left: list[Left] = []

    def find(self, sound: Collection[str], listed: Collection[str], removals: Collection[str]) -> list[Back]:
        """What is to come back: neither sound in the index nor removed, whole in its folder."""
        found = []
        survey = self._tree.survey()
        self.left += [Left(stray.path, stray.what) for stray in survey.strays]
        for digest, item in sorted(survey.artifacts.items()):
            if digest not in sound and digest not in removals:
                found += [Back(manifest, digest in listed) for manifest in self._restored(digest, item)]
        return sorted(found, key=lambda back: (back.manifest.created, back.manifest.digest))

    def _restored(self, digest: str, item: Item) -> Iterator[Manifest]:
        folder = self._tree.home.joinpath(*item.place)
        try:
            manifest = read_folder(self._tree, digest, item)
            check_expansion(manifest)
            for entry in manifest.files:
                self._files.add(self._source(folder, entry.path, entry.sha256), entry)
        except (ArtifactError, Foreign) as error:
            self.left.append(Left(folder, str(error)))
            return
        self._folders.make(digest, manifest, manifest.to_json())
        yield manifest

    def _source(self, folder: Path, path: str, sha256: str) -> Path:
        """The stored file where it is sound, else the artifact's own."""
        stored = self._files.path(sha256)
        return stored if stored.is_file() and file_sha256(stored) == sha256 else folder / path
