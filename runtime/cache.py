"""Where files are kept that must lie on a disk to be loaded; it may be deleted at any time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from zcc.runtime.aside import written_aside
from zcc.runtime.errors import ArtifactError, UsageError

VARIABLE = "ZCC_CACHE"
REMEDY = f"make it writable, or set {VARIABLE} to another folder"


def cache_folder() -> Path:
    """ZCC_CACHE, else the user's own: `zcc` in XDG_CACHE_HOME or in ~/.cache."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).absolute()
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (shared if shared.is_absolute() else _home() / ".cache") / "zcc"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise UsageError("there is no home folder to keep files in", f"set {VARIABLE} to a folder") from error


@contextmanager
def written_into_cache(path: Path, durable: bool = True) -> Iterator[IO[bytes]]:
    """A file to write, in folders that are the user's alone; it becomes `path` when all went well."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ArtifactError(f"{path.parent} cannot be made: {error.strerror}", REMEDY) from error
    with written_aside(path, REMEDY, durable) as writer:
        yield writer
