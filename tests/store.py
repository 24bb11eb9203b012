"""What tests share: made once for a whole run, by whichever worker asks first, and gone with the run.

Beside it lies everything else that they write, and where the machine has memory to spare, all of that lies in memory:
zcc waits for the disk wherever a loss of power could cost something, and its tests would wait for minutes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

VARIABLE = "ZCC_TESTS_STORE"  # workers, and what tests start, inherit it from the process that began the run
MEMORY, IN_MEMORY = Path("/dev/shm"), "tests-of-zcc."
ENOUGH = 6 << 30  # bytes, free in memory; a run needs a third of them


def begin() -> bool:
    """Make the run's store, unless another process of the run did; whether it is for this one to end."""
    if VARIABLE in os.environ:
        return False
    _remove_what_was_left(MEMORY)
    if "TMPDIR" not in os.environ and _has_room(MEMORY):
        folder = Path(tempfile.mkdtemp(prefix=IN_MEMORY, dir=MEMORY))
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)  # as long as this process lives
        folder.chmod(0o711)  # a server of PostgreSQL's is another user's
        _made.append(folder)
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix="zcc-tests-")
    _made.append(Path(os.environ[VARIABLE]))
    return True


_made: list[Path] = []  # by this process


def _remove_what_was_left(memory: Path) -> None:
    """Remove the folders of runs that were killed."""
    for folder in memory.glob(f"{IN_MEMORY}*"):
        with suppress(OSError):  # another user's, or one whose run lives
            held = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)


def _has_room(memory: Path) -> bool:
    """Whether there is memory for a run, and what is written there may be executed."""
    try:
        place, told = os.statvfs(memory), Path("/proc/meminfo").read_text()
    except OSError:
        return False
    available = next((int(line.split()[1]) << 10 for line in told.splitlines() if line.startswith("MemAvailable")), 0)
    free = min(place.f_bavail * place.f_frsize, available)
    return os.access(memory, os.W_OK) and not place.f_flag & os.ST_NOEXEC and free > ENOUGH


def end() -> None:
    """Remove what `begin` made."""
    del os.environ[VARIABLE]
    for folder in _made:
        shutil.rmtree(folder, ignore_errors=True)


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make` filled. It belongs to all tests: copy what is to be changed."""
    place = Path(os.environ[VARIABLE], name)
    done = place.with_name(f"{name}.done")
    with place.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(place, ignore_errors=True)  # whoever made it failed on the way
            place.mkdir()
            make(place)
            done.touch()
    return place
