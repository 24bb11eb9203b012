"""Envelopes in the folder of an artifact."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from zcc.runtime import limits
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.regular import read_regular
from zcc.runtime.trust.envelope import check_form

FOLDER, SUFFIX = "signatures", ".json"
_NAME = re.compile(rf"[0-9a-f]{{64}}{re.escape(SUFFIX)}")


def read_beside(folder: Path) -> tuple[bytes, ...]:
    """The envelopes beside an artifact as they lie there, by their names; whoever judges them looks what they are."""
    place = folder / FOLDER
    try:
        names = sorted(path.name for path in place.iterdir() if _NAME.fullmatch(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise CorruptArtifact(f"{place} cannot be read: {error.strerror}", "check its owner and mode") from error
    if len(names) > limits.ENVELOPES:
        raise CorruptArtifact(f"{place} holds {len(names)} signatures, more than {limits.ENVELOPES}", "remove some")
    return tuple(_read(place / name) for name in names)


def check_beside(folder: Path) -> None:
    """Refuse envelopes that are not as they were put there."""
    for path in sorted((folder / FOLDER).glob(f"*{SUFFIX}")):
        _check(path, _read(path))


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, limits.ENVELOPE)
    except OSError as error:
        raise CorruptArtifact(f"{path} cannot be read: {error.strerror}", "remove it, and sign anew") from error


def _check(path: Path, content: bytes) -> None:
    if path.name != hashlib.sha256(content).hexdigest() + SUFFIX:
        raise CorruptArtifact(f"{path} is not the signature that was put there", "remove it, and sign anew")
    check_form(content)
