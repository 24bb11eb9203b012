"""Whether a reference is the path of something or the name of an artifact: its text alone decides, not what is there.

So no folder that happens to lie somewhere can stand in for an artifact of the registry.
"""

from __future__ import annotations

import os

SUFFIX = ".zcc"  # of bundles; no artifact's name ends so
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"  # what an artifact may be called


def is_path(reference: str | os.PathLike[str]) -> bool:
    """Whether it is a path: a path object, a text with a separator in it, or one that ends as bundles do."""
    if isinstance(reference, os.PathLike):
        return True
    return os.sep in reference or reference in (os.curdir, os.pardir) or reference.endswith(SUFFIX)
