"""Processes that fail where a test wants them to: killed, or refused by the system, at the n-th step.

Python reports what it is about to do (opening, renaming, linking, …) to audit hooks; a hook that kills its
process or raises is a fault at exactly that point. Hooks cannot be removed, so they live in forked children.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable

# What publishing does to the disk. Reads are left alone: they change nothing.
EVENTS = {
    "os.mkdir",
    "os.rename",
    "os.link",
    "os.remove",
    "os.rmdir",
    "os.chmod",
    "sqlite3.connect",
    "shutil.copyfile",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
FINISHED, REFUSED, BROKEN = 0, 3, 4


def changes_something(event: str, arguments: tuple[object, ...]) -> bool:
    """Whether an audit event is about to change the disk."""
    if event == "open":
        flags = arguments[2]
        return isinstance(flags, int) and bool(flags & WRITING)
    return event in EVENTS


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked child; its exit code, negative for the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = BROKEN
        try:
            work()
            code = FINISHED
        except Exception as error:  # noqa: BLE001  the exit code carries it
            code = REFUSED if type(error).__name__ == "Unavailable" else BROKEN
            if code == BROKEN:
                traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def at_step(step: int, fault: Callable[[], None]) -> None:
    """Let the `step`-th change of the disk from now on, and every one after it, meet the fault."""
    taken = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal taken
        if changes_something(event, arguments):
            taken += 1
            if taken > step:
                fault()

    sys.addaudithook(hook)


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def no_space() -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
