"""Which version of TVM's runtime library this process holds; kept apart, so that asking loads nothing."""

from __future__ import annotations

import sys

PACKAGE = "tvm"  # the compiler's TVM, which brings the same library

loaded: str | None = None  # the version that zcc loaded


def loaded_version() -> str | None:
    """The version, None when no library is known to be loaded."""
    return loaded or getattr(sys.modules.get(PACKAGE), "__version__", None)
