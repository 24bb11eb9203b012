"""Signatures beside artifacts: `artifacts/<digest>/signatures/<sha256>.json`, each an envelope as it was made.

An artifact's digest does not cover them: they are about it. They are a set, which only grows; a copied folder takes
them along, and so do bundles and remotes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from zcc.registry.files import discard, flush_folder, stage, write_flushed
from zcc.runtime.trust.beside import FOLDER, SUFFIX, read_beside
from zcc.runtime.trust.envelope import check_form


class Signatures:
    """The signatures in a registry's folder."""

    def __init__(self, home: Path) -> None:
        self._staging = home / "staging"

    def of(self, folder: Path) -> tuple[bytes, ...]:
        """The envelopes beside an artifact, by their hashes."""
        return read_beside(folder)

    def any(self, folder: Path) -> bool:
        """Whether there are any, be they worth what they may."""
        try:
            with os.scandir(folder / FOLDER) as entries:
                return any(entry.name.endswith(SUFFIX) for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def add(self, folder: Path, envelopes: Iterable[bytes]) -> None:
        """Put envelopes beside an artifact, each whole or not at all; those that are there stay."""
        place = folder / FOLDER
        for envelope in _checked(envelopes):
            target = place / f"{hashlib.sha256(envelope).hexdigest()}{SUFFIX}"
            if target.is_file():
                continue
            staged = stage(self._staging)
            try:
                write_flushed(staged, envelope)
                place.mkdir(exist_ok=True)
                staged.replace(target)
                flush_folder(place)
                flush_folder(folder)
            finally:
                discard(staged)


def _checked(envelopes: Iterable[bytes]) -> Sequence[bytes]:
    """All of them, when each has the form of one."""
    found = list(envelopes)
    for envelope in found:
        check_form(envelope)
    return found
