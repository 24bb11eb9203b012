"""Room on the disk for a build's temporary files: a full disk is reported as such, not as whatever fails of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zcc.runtime.errors import BuildError

ROOM = 16 << 20  # bytes, and the model twice: as it was read, and as weights
OURS = "zcc-"  # how folders begin that are made there
REMEDY = "free some space there, or name another folder with TMPDIR"


def need_room(folder: Path, model: Path) -> None:
    """Refuse to begin where a build could not end: LLVM takes the whole process down when a disk is full."""
    free = shutil.disk_usage(folder).free
    needed = ROOM + 2 * (model.stat().st_size if model.is_file() else 0)
    if free < needed:
        raise full(folder, f"{free / 1e6:.1f} MB are free, and a build of {model.name} needs {needed / 1e6:.0f}")


@contextmanager
def writing_in(folder: Path) -> Iterator[None]:
    """Report what cannot be written inside the block with the folder."""
    try:
        yield
    except OSError as error:
        raise full(folder, error.strerror or str(error)) from error


def full(folder: Path, why: str) -> BuildError:
    """The error of a folder for temporary files that takes no more."""
    place = next(each for each in folder.parents if not each.name.startswith(OURS))
    return BuildError(f"temporary files cannot be written in {place}: {why}", REMEDY)
