"""Ctrl-C ends a command within a second, whatever it is doing, and leaves nothing of it behind.

Python hears of a signal between two of its own instructions, and generating a network's code is one instruction of many
seconds. So a thread hears of it as well, which native code does not hold back: the command gets a moment to end by
itself, then its child processes and its files are taken away and the process ends on the spot.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130  # what shells report for a process that SIGINT ended
LINE = "interrupted"
GRACE = 0.6  # seconds that a command has to end by itself; a second Ctrl-C cuts them short
DYING = 0.2  # seconds that killed children may take to be gone
PROC = Path("/proc")
IMPORTING = "<frozen importlib"  # the file of what imports modules, as frames name it
CLEAR_LINE, SHOW_CURSOR = "\r\x1b[2K", "\x1b[?25h"  # what a spinner that cannot end by itself needs


class Interrupts:
    """Hears of Ctrl-C while a command runs, and ends what is left of it."""

    def __init__(self, scratch: Path | None = None) -> None:
        self._scratch = scratch
        self._heard = self._raised = False
        self._ending = threading.Lock()
        self._reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, self._interrupt)
        threading.Thread(target=self._watch, name="zcc-interrupts", daemon=True).start()

    @property
    def heard(self) -> bool:
        """Whether there was one: whatever fails from then on fails because of it."""
        return self._heard or _is_pending()

    def end(self) -> NoReturn:
        """Tell it in a line and end the process, with its children and what it keeps in its scratch folder."""
        self._raised = True  # from here on there is nothing left to interrupt
        self._ending.acquire()  # for good: one thread ends the process, any other waits for that here
        _tell()
        kill_descendants()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
        os._exit(INTERRUPTED)

    def _interrupt(self, _: int, frame: FrameType | None) -> None:
        first, self._raised = not self._raised, True
        self._note()
        if first and not _is_importing(frame):
            raise KeyboardInterrupt  # a second one would only disturb what ends the command

    def _note(self) -> None:
        self._heard = True
        # What is thrown away meanwhile may complain, which would not be the one line that tells what happened.
        sys.unraisablehook = lambda _: None

    def _watch(self) -> None:
        # Else the system may choose this thread to take the signal, and on a busy machine what failed because of it is
        # told before the thread's turn has come.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._wait(None)
        self._note()
        self._wait(GRACE)
        self.end()

    def _wait(self, seconds: float | None) -> None:
        """Until the next SIGINT, or for so many seconds; other signals that Python handles come the same way."""
        end = None if seconds is None else time.monotonic() + seconds
        while select.select([self._reading], [], [], end and max(end - time.monotonic(), 0))[0]:
            if os.read(self._reading, 1) == bytes([signal.SIGINT]):
                return


@contextmanager
def interruptible() -> Iterator[Interrupts | None]:
    """Run a command that Ctrl-C ends for sure; None where whoever started us wants it to be ignored."""
    # One that came before there is somebody to hear of it would leave the scratch folder behind.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with own_scratch() as scratch:
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield None
            return
        interrupts = Interrupts(scratch)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield interrupts
        finally:
            if interrupts.heard:
                interrupts.end()
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done but for the tidying up


@contextmanager
def own_scratch() -> Iterator[Path | None]:
    """A folder of its own for what this process and its children write for a while; None where there is no place."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="zcc-"))
    except OSError:  # those who need a file say so by themselves; most commands do not
        yield None
        return
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported: libraries that call Python while they are loaded abort over an exception."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(IMPORTING):
            return True
        frame = frame.f_back
    return False


def _is_pending() -> bool:
    """Whether a SIGINT was sent that no thread has taken yet; only those that are blocked can be seen."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return signal.SIGINT in signal.sigpending()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def kill_descendants() -> None:
    """End every process that this one started, and those that they started."""
    end = time.monotonic() + DYING
    while (running := descendants(os.getpid())) and time.monotonic() < end:
        for process in running:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


def descendants(process: int) -> list[int]:
    """The running processes below this one."""
    children: dict[int, list[int]] = {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if state != "Z":
            children.setdefault(int(parent), []).append(int(stat.parent.name))
    found = [process]
    for each in found:
        found += children.get(each, [])
    return found[1:]


def _tell() -> None:
    spinner = CLEAR_LINE + SHOW_CURSOR if os.isatty(2) else ""
    os.write(2, f"{spinner}error: {LINE}\n".encode())
