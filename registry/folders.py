"""Artifact folders: `<home>/artifacts/<digest>/`, what the runtime loads from.

A folder holds meta.json and hard links to the content-addressed files, so that a file shared by artifacts
takes its space once and a copied folder is complete. A file system without hard links gets copies.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from zcc.registry.files import Files, discard, flush_folder, stage, write_flushed
from zcc.registry.location import artifact_folder
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.manifest import FILENAME, FileEntry, Manifest, file_sha256
from zcc.runtime.trust.beside import FOLDER as SIGNATURES

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


class Folders:
    """The folders of a registry's artifacts."""

    def __init__(self, home: Path, files: Files) -> None:
        self._home = home
        self._staging = home / "staging"
        self._files = files

    def path(self, digest: str) -> Path:
        """Where the artifact's folder is, or would be."""
        return artifact_folder(self._home, digest)

    def make(self, digest: str, manifest: Manifest, text: str) -> Path:
        """Make the artifact's folder from the stored files; one that is there and sound stays."""
        folder = self.path(digest)
        if self._sound(folder, manifest, text):
            return folder
        staged = stage(self._staging)
        try:
            self._fill(staged, manifest, text)
            if (folder / SIGNATURES).is_dir():
                shutil.copytree(folder / SIGNATURES, staged / SIGNATURES, symlinks=True)
            self._put(staged, folder)
        finally:
            discard(staged)
        return folder

    def _sound(self, folder: Path, manifest: Manifest, text: str) -> bool:
        meta = folder / FILENAME
        if not meta.is_file() or meta.stat().st_size != len(text.encode()) or meta.read_bytes() != text.encode():
            return False
        return all(same_content(folder / e.path, self._files.path(e.sha256), e) for e in manifest.files)

    def _fill(self, folder: Path, manifest: Manifest, text: str) -> None:
        folder.mkdir()
        for entry in manifest.files:
            target = folder / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(self._files.path(entry.sha256), target)
        write_flushed(folder / FILENAME, text.encode())
        flush_folder(folder)

    def _put(self, staged: Path, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            staged.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            self._replace(staged, folder)
        flush_folder(folder.parent)

    def _replace(self, staged: Path, folder: Path) -> None:
        """Put a damaged folder aside for a sound one; another who publishes the same may be first."""
        aside = stage(self._staging)
        folder.rename(aside)
        try:
            staged.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        finally:
            discard(aside)


def same_content(path: Path, stored: Path, entry: FileEntry) -> bool:
    """Whether a folder's file is the stored one, or has its content."""
    if not path.is_file():
        return False
    return (stored.is_file() and path.samefile(stored)) or file_sha256(path) == entry.sha256


def _link(stored: Path, target: Path) -> None:
    try:
        os.link(stored, target)
    except FileNotFoundError as error:
        raise CorruptArtifact(f"the stored file {stored} is missing", "restore it, or compile again") from error
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        shutil.copyfile(stored, target)
