"""Checking every stored byte against the manifests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zcc.registry.catalogue import manifest_of
from zcc.registry.files import Files
from zcc.registry.folders import Folders
from zcc.runtime.errors import ArtifactError
from zcc.runtime.manifest import FILENAME, Manifest, file_sha256


@dataclass(frozen=True)
class Problem:
    """One thing that is not what it should be."""

    digest: str  # of the artifact it is about; empty when it is the index itself
    path: str
    what: str


@dataclass(frozen=True)
class Report:
    """What was read, and what was wrong."""

    artifacts: int
    files: int
    bytes: int
    problems: tuple[Problem, ...]

    def describe(self) -> dict[str, Any]:
        """The report as users see it in `--json`."""
        return {**asdict(self), "problems": [asdict(p) for p in self.problems], "ok": not self.problems}


def check(texts: dict[str, str], files: Files, folders: Folders) -> Report:
    """Hash every file of every artifact, each once however many artifacts share it."""
    reader = _Reader()
    problems = tuple(
        Problem(digest, path, what)
        for digest, text in texts.items()
        for path, what in _problems(digest, text, files, folders, reader)
    )
    return Report(len(texts), len(reader.hashes), reader.bytes, problems)


class _Reader:
    """Hashes files, remembering by inode what it has read."""

    def __init__(self) -> None:
        self.hashes: dict[tuple[int, int], str] = {}
        self.bytes = 0

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


def _problems(digest: str, text: str, files: Files, folders: Folders, reader: _Reader) -> Iterator[tuple[str, str]]:
    try:
        manifest = manifest_of(digest, text)
    except ArtifactError as error:
        yield "the index", error.problem
        return
    folder = folders.path(digest)
    for path, sha256 in _expected(digest, manifest, files, folder):
        if what := reader.problem(path, sha256):
            yield str(path), what


def _expected(digest: str, manifest: Manifest, files: Files, folder: Path) -> Iterator[tuple[Path, str]]:
    """Every path of the artifact with the hash it should have; meta.json's is the digest itself."""
    yield folder / FILENAME, digest.removeprefix("sha256:")
    for entry in manifest.files:
        yield files.path(entry.sha256), entry.sha256
        yield folder / entry.path, entry.sha256
