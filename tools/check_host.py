"""Refuse a machine that cannot set zcc up, in one line that says what to install. Runs on any Python 3."""

import importlib.util
import shutil
import sys

OLDEST = (3, 10)


def missing(compiler: str) -> "str | None":
    """What this machine lacks to set zcc up, and the way out."""
    if sys.version_info < OLDEST:
        version = ".".join(map(str, sys.version_info[:2]))
        return f"Python {version} is too old; install 3.10 or newer, or say make PYTHON=/path/to/python3"
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        return "this Python cannot make virtual environments; install its venv package (Debian: python3-venv)"
    if not shutil.which(compiler):
        return f"no C compiler ({compiler}); install one (Debian: build-essential), or say make CC=clang"
    return None


if __name__ == "__main__":
    problem = missing(sys.argv[1])
    if problem:
        sys.exit("error: " + problem)
