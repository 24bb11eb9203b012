"""Folders of artifacts that a process runs from, told to whoever would delete them."""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path


def hold(folder: Path, owner: object) -> None:
    """Keep the folder from being collected for as long as the owner lives; the kernel ends it with the process.

    Where locks cannot be had, as on some network disks, nothing is held.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return  # whoever loads from it next is told what is wrong with it
    weakref.finalize(owner, os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # whoever looks whether it is held, holds it for a moment
    except OSError:
        return


def is_held(descriptor: int) -> bool:
    """Whether anybody runs from the folder that is open here; where locks cannot be had, nobody is known to."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
