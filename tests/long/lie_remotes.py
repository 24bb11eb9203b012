"""Pull from servers that lie, each in its own way: python -m tests.long.lie_remotes --rounds 2000"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.registry.remotes.lies import lie


def main() -> int:
    """Lie, print how the pulls ended, and fail if one ended badly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, tempfile.TemporaryDirectory() as cache:
        os.environ["ZCC_CACHE"] = cache
        told = lie(Path(work), arguments.rounds, arguments.seed)
    print(dict(told.endings), f"slowest {told.seconds:.2f} s, {told.grown / 1024:.1f} MB more memory")
    print("\n".join(told.wrong) or "every pull was refused in one line, or brought what is sound")
    return int(bool(told.wrong))


if __name__ == "__main__":
    sys.exit(main())
