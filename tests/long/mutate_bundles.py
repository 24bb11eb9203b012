"""Change bundles at random and import them: python -m tests.long.mutate_bundles --rounds 2400"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.registry.mutations import fuzz


def main() -> int:
    """Fuzz, print how the imports ended, and fail if one ended badly or broke a later command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        told = fuzz(Path(work), arguments.rounds, arguments.seed)
    print(dict(told.endings))
    print("\n".join(told.wrong) or "every bundle was refused whole in one line, or imported without harm")
    return int(bool(told.wrong))


if __name__ == "__main__":
    sys.exit(main())
