"""A bundle: variants of one name with the files they need, in one FILE.zcc, for machines that have no registry.

It is a zip archive whose members are stored as they are, not compressed. `index.json` holds the manifests' texts and
what was measured since; `files/<sha256>` is a file, there once however many variants share it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from zcc.runtime import limits
from zcc.runtime.cache import cache_folder, written_into_cache
from zcc.runtime.errors import ArtifactError, CorruptArtifact, IncompatibleHost
from zcc.runtime.manifest import FileEntry, Manifest, is_sound, read_figures
from zcc.runtime.packed_library import RUNTIME_LIBRARY, check_packed
from zcc.runtime.regular import open_raw, told
from zcc.runtime.rules import strict_json
from zcc.runtime.source import Candidate
from zcc.runtime.trust.envelope import read_envelopes

FORMAT = 1
INDEX = "index.json"
CHUNK = 1 << 20
REMEDY = "copy it again, or export it again"
# What zipfile and json raise over bytes that are no bundle's.
FOREIGN = (BadZipFile, EOFError, KeyError, RuntimeError, TypeError, ValueError)


def member(entry: FileEntry) -> str:
    """The name that a file has inside a bundle."""
    return f"files/{entry.sha256}"


class _InPieces(BufferedReader):
    """Reads no more at once than an index may have: zipfile takes the table of members whole, whatever its size."""

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, or all that are left."""
        content = super().read(limits.INDEX + 1 if size is None or size < 0 else min(size, limits.INDEX + 1))
        if len(content) > limits.INDEX:
            raise BadZipFile(f"its table or its index has more than {told(limits.INDEX)}")
        return content


class Bundle:
    """Loads from a bundle. It is read anew at every call, so a file that was replaced is seen by the next."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def variants(self, reference: str = "") -> Sequence[Candidate]:
        """Every variant in the bundle, whatever the reference."""
        cache = cache_folder() / "bundles"
        with self._opened() as archive:
            index = strict_json(archive.read(INDEX).decode(), limits.INDEX)
            if index["format"] != FORMAT:
                problem = f"{self.path} is a bundle of format {index['format']}, this zcc reads {FORMAT}"
                raise IncompatibleHost(problem, "use the zcc that exported it, or export it again")
            found = [self._candidate(entry, cache) for entry in index["variants"]]
            if not found:
                raise CorruptArtifact(f"{self.path} is a bundle without a variant", REMEDY)
            return found

    def folder(self, candidate: Candidate) -> Path:
        """The variant's folder in the user's cache, with its files; no other variant's are read."""
        return self.unpack(candidate, candidate.folder)

    def unpack(self, candidate: Candidate, folder: Path) -> Path:
        """Put the variant's files into `folder`; what is there and sound stays, all else is replaced in one step.

        What is compressed in them is a library that can be expanded.
        """
        with self._opened() as archive:
            self._check_files(archive, candidate.manifest)
            for entry in candidate.manifest.files:
                path = folder / entry.path
                if not (path.is_file() and is_sound(path, entry)):
                    self._extract(archive, entry, path)
                    if entry.path == RUNTIME_LIBRARY:
                        check_packed(path)
        return folder

    def _candidate(self, entry: dict[str, Any], cache: Path) -> Candidate:
        manifest = Manifest.from_json(entry["manifest"], f"{self.path}: {INDEX}")
        measured = read_figures(entry["measured"], f"{self.path}: {INDEX}")
        folder = cache / manifest.digest.removeprefix("sha256:")
        envelopes = read_envelopes(entry.get("signatures", []), f"{self.path}: {INDEX}")
        return Candidate(manifest, folder, claimed=measured, foreign=True, envelopes=envelopes)

    @contextmanager
    def _opened(self) -> Iterator[ZipFile]:
        try:
            with _InPieces(open_raw(self.path)) as file, ZipFile(file) as archive:
                self._check_members(archive)
                yield archive
        except FOREIGN as error:
            reason = str(error).strip("\"'")
            raise CorruptArtifact(f"{self.path} is no bundle, or a damaged one: {reason}", REMEDY) from error
        except OSError as error:
            place = error.filename or self.path
            raise ArtifactError(f"{place} cannot be read: {error.strerror}", "check the path and its mode") from error

    def _check_members(self, archive: ZipFile) -> None:
        members = archive.infolist()
        if any(info.compress_type != ZIP_STORED for info in members):
            raise CorruptArtifact(f"{self.path} is no bundle: its members are compressed", REMEDY)
        if len(members) > limits.MEMBERS or len(archive.NameToInfo) < len(members):
            problem = (
                f"{self.path} is no bundle: it has {len(members)} members, not {limits.MEMBERS} of different names"
            )
            raise CorruptArtifact(problem, REMEDY)
        if sum(info.file_size for info in members) > archive.start_dir:
            raise CorruptArtifact(f"{self.path} is no bundle: its members are larger than itself", REMEDY)

    def _check_files(self, archive: ZipFile, manifest: Manifest) -> None:
        for entry in manifest.files:
            size = archive.getinfo(member(entry)).file_size
            if size != entry.size:
                problem = f"{self.path} is damaged: {entry.path} has {size} bytes in it, not {entry.size}"
                raise CorruptArtifact(problem, REMEDY)
        if manifest.sizes["total"] > archive.start_dir:  # a member under many names
            raise CorruptArtifact(f"{self.path} names files that are larger than itself", REMEDY)

    def _extract(self, archive: ZipFile, entry: FileEntry, path: Path) -> None:
        with archive.open(member(entry)) as stream, written_into_cache(path) as writer:
            self._copy(stream, writer, entry)

    def _copy(self, stream: IO[bytes], writer: IO[bytes], entry: FileEntry) -> None:
        digest = hashlib.sha256()
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            writer.write(chunk)
        if digest.hexdigest() != entry.sha256:
            raise CorruptArtifact(f"{self.path} is damaged: {entry.path} is not what was exported", REMEDY)
