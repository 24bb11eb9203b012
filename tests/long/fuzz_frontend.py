"""Fuzz the front end for as long as you like: python -m tests.long.fuzz_frontend --minutes 10"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.compiler.frontend.fuzz import fuzz


def main() -> int:
    """Fuzz, print how the attempts ended, and fail if one ended badly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="where failing files are kept")
    arguments = parser.parse_args()
    arguments.keep.mkdir(parents=True, exist_ok=True)
    fuzzer = fuzz(arguments.keep, arguments.seed, arguments.minutes * 60, sys.maxsize)
    print(dict(fuzzer.outcomes))
    print("\n".join(fuzzer.failures) or "no failures")
    return int(bool(fuzzer.failures))


if __name__ == "__main__":
    sys.exit(main())
