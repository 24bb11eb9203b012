"""The packages that a search needs beside those that a compile does."""

from __future__ import annotations

from importlib.util import find_spec

from zcc.runtime.distribution import how_to_install
from zcc.runtime.errors import TuningError

NEEDED = ("xgboost", "psutil", "cloudpickle", "tornado")


def check_installed() -> None:
    """Raise when what a search needs is missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise TuningError(f"tuning needs {', '.join(missing)}", how_to_install("compiler"))
