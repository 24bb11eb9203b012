"""Damage indexes and use them, as often as you like: python -m tests.long.damage_indexes --rounds 1500"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.registry.damage import attack


def main() -> int:
    """Attack, print how the uses ended, and fail if one ended badly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        told = attack(Path(work), arguments.rounds, arguments.seed)
    print(dict(told.endings))
    print("\n".join(told.wrong) or "every use worked or ended in one clear line, and no artifact was deleted")
    return int(bool(told.wrong))


if __name__ == "__main__":
    sys.exit(main())
