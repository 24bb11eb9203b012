"""Checking every stored byte against the manifests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zcc.registry.files import Files
from zcc.registry.folders import Folders
from zcc.registry.orphans import Orphan, find_orphans
from zcc.registry.tree import Stray, Tree
from zcc.runtime import host
from zcc.runtime.errors import ArtifactError
from zcc.runtime.manifest import FILENAME, Manifest, file_sha256
from zcc.runtime.trust.beside import FOLDER, check_beside


@dataclass(frozen=True)
class Problem:
    """One thing that is not what it should be."""

    digest: str  # of the artifact it is about; empty when it is the index itself
    path: str
    what: str


@dataclass(frozen=True)
class IntegrityReport:
    """What was read, and what was wrong."""

    artifacts: int
    files: int
    bytes: int
    problems: tuple[Problem, ...]
    orphans: tuple[Problem, ...] = ()  # artifacts whose folders are there, and which the index does not know
    strays: tuple[Stray, ...] = ()  # what is not the registry's

    @property
    def ok(self) -> bool:
        """Whether everything is as it should be; strays do no harm."""
        return not self.problems and not self.orphans

    def describe(self) -> dict[str, Any]:
        """The report as users see it in `--json`."""
        return {
            **asdict(self),
            "problems": [asdict(problem) for problem in self.problems],
            "orphans": [asdict(orphan) for orphan in self.orphans],
            "strays": [{"path": str(stray.path), "what": stray.what} for stray in self.strays],
            "ok": self.ok,
        }


def check(manifests: Mapping[str, Manifest], files: Files, folders: Folders) -> IntegrityReport:
    """Hash every file of every artifact, each once however many artifacts share it."""
    reader = _Reader()
    reader.read_ahead(path for digest in manifests for path in _paths(digest, manifests[digest], files, folders))
    problems = tuple(
        Problem(digest, str(path), what)
        for digest, manifest in manifests.items()
        for path, sha256 in _expected(digest, manifest, files, folders.path(digest))
        if (what := reader.problem(path, sha256))
    )
    unsound = tuple(problem for digest in manifests for problem in _signatures(digest, folders.path(digest)))
    return IntegrityReport(len(manifests), len(reader.hashes), reader.bytes, (*problems, *unsound))


def _signatures(digest: str, folder: Path) -> Iterator[Problem]:
    """What is wrong with the signatures beside an artifact; whether anybody believes them is a policy's matter."""
    try:
        check_beside(folder)
    except ArtifactError as error:
        yield Problem(digest, str(folder / FOLDER), error.problem)


def look_around(tree: Tree, known: Collection[str]) -> tuple[tuple[Problem, ...], tuple[Stray, ...]]:
    """What lies in the registry's folder and is in no index: orphans, and what is none of the registry's."""
    survey = tree.survey()
    orphans = tuple(
        Problem(orphan.digest, str(tree.home.joinpath(*orphan.item.place)), _name(orphan))
        for orphan in find_orphans(tree, survey, known)
    )
    return orphans, tuple(survey.strays)


def _name(orphan: Orphan) -> str:
    if orphan.manifest is None:
        return f"is not in the index, and {orphan.why}"
    return f"{orphan.manifest.name} {orphan.manifest.dtype} {orphan.manifest.target} is not in the index"


class _Reader:
    """Hashes files, remembering by inode what it has read."""

    def __init__(self) -> None:
        self.hashes: dict[tuple[int, int], str] = {}
        self.bytes = 0

    def read_ahead(self, paths: Iterable[Path]) -> None:
        """Hash files on all cores; what cannot be read is told when it is asked for."""
        places = {found[0]: (path, found[1]) for path in paths if (found := _inode(path)) is not None}
        with ThreadPoolExecutor(len(host.usable_cpus())) as pool:
            hashes = pool.map(_hash_or_none, (path for path, _ in places.values()))
            for (key, (_, size)), sha256 in zip(places.items(), hashes, strict=True):
                if sha256 is not None:
                    self.hashes[key] = sha256
                    self.bytes += size

    def problem(self, path: Path, sha256: str) -> str | None:
        """What is wrong with a file that should have this hash."""
        try:
            return None if self._hash(path) == sha256 else "its bytes have changed"
        except OSError as error:
            return error.strerror or str(error)

    def _hash(self, path: Path) -> str:
        stat = path.stat()
        key = (stat.st_dev, stat.st_ino)
        if key not in self.hashes:
            self.hashes[key] = file_sha256(path)
            self.bytes += stat.st_size
        return self.hashes[key]


def _inode(path: Path) -> tuple[tuple[int, int], int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino), found.st_size


def _hash_or_none(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except OSError:
        return None


def _paths(digest: str, manifest: Manifest, files: Files, folders: Folders) -> Iterator[Path]:
    return (path for path, _ in _expected(digest, manifest, files, folders.path(digest)))


def _expected(digest: str, manifest: Manifest, files: Files, folder: Path) -> Iterator[tuple[Path, str]]:
    """Every path of the artifact with the hash it should have; meta.json's is the digest itself."""
    yield folder / FILENAME, digest.removeprefix("sha256:")
    for entry in manifest.files:
        yield files.path(entry.sha256), entry.sha256
        yield folder / entry.path, entry.sha256
