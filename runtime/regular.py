"""Regular files alone, and of them no more than is wanted.

A path from elsewhere may lead to a FIFO, which is waited for until somebody writes, or to a device that never ends.
What it leads to can change at any moment, so it is opened first, and it is the open file that is looked at and read.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader, FileIO

# Opened at once, whatever it is; no terminal becomes the process's own.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)


def open_raw(path: str | os.PathLike[str]) -> FileIO:
    """A regular file, open to be read; an OSError where the path leads to anything else."""
    descriptor = os.open(path, _FLAGS)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return FileIO(descriptor)
    os.close(descriptor)
    code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
    reason = os.strerror(code) if stat.S_ISDIR(mode) else "it is no regular file"
    raise OSError(code, reason, os.fspath(path))


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """The same with a buffer."""
    return BufferedReader(open_raw(path))


def read_regular(path: str | os.PathLike[str], most: int) -> bytes:
    """The bytes of a regular file; an OSError where there are more than `most`, which are not read."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"it has more than {told(most)}", os.fspath(path))
        content = file.read(size + 1)
        if len(content) > size:  # files of /proc, too, have no size and a content
            raise OSError(errno.EFBIG, "it has more in it than its size", os.fspath(path))
        return content


def read_text(path: str | os.PathLike[str], most: int, encoding: str = "utf-8") -> str:
    """The text of a regular file, as `read_regular` reads it; a UnicodeDecodeError where it is none."""
    return read_regular(path, most).decode(encoding)


def reason(error: Exception) -> str:
    """Why something could not be read, without the path, which is told beside it."""
    return getattr(error, "strerror", None) or str(error)


def told(size: int) -> str:
    """A number of bytes, for people."""
    unit, name = next((each for each in _UNITS if size >= each[0]), _UNITS[-1])
    return f"{size / unit:.3g} {name}"


_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"), (1, "bytes"))
