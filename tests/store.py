"""What tests share: made once for a whole run, by whichever worker asks first, and gone with the run."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

VARIABLE = "ZCC_TESTS_STORE"  # workers, and what tests start, inherit it from the process that began the run


def begin() -> bool:
    """Make the run's store, unless another process of the run did; whether it is for this one to end."""
    if VARIABLE in os.environ:
        return False
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix="zcc-tests-")
    return True


def end() -> None:
    """Remove the store."""
    shutil.rmtree(os.environ.pop(VARIABLE), ignore_errors=True)


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
