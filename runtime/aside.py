"""Files that appear whole or not at all: our own, and those whose places users name."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from zcc.runtime.errors import ArtifactError


@contextmanager
def written_aside(path: Path, remedy: str, durable: bool = True) -> Iterator[IO[bytes]]:
    """A file to write that becomes `path` when all went well; who holds the old one open keeps it.

    Unless it is durable, a machine that loses its power may leave a part of it under its name.
    """
    aside = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        try:
            with aside.open("xb") as writer:
                yield writer
                if durable:
                    writer.flush()
                    os.fsync(writer.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be written: {error.strerror}", remedy) from error


@contextmanager
def written_out(path: Path, remedy: str) -> Iterator[IO[bytes]]:
    """The same where a user names the place: a link leads on, and what is no file is written to as it is.

    A new file must not take the place of /dev/null, which root could let it.
    """
    try:
        if path.is_file() or not path.exists():
            with written_aside(Path(os.path.realpath(path)), remedy) as writer:
                yield writer
        else:
            with path.open("wb") as writer:
                yield writer
    except OSError as error:
        raise ArtifactError(f"{path} cannot be written: {error.strerror}", remedy) from error
