"""Where files are kept that must lie on a disk to be loaded; it may be deleted at any time."""

from __future__ import annotations

import os
from pathlib import Path

from zcc.runtime.errors import UsageError

VARIABLE = "ZCC_CACHE"


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
