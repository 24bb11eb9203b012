"""Pull from servers that lie, each in its own way: python -m tests.long.lie_remotes --rounds 2000"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

from tests.long.tally import Tally, run_script
from tests.registry.remotes.lies import lie


def attack_by_lies(folder: Path, rounds: int, seed: int) -> Tally:
    """Lie so often; the memory is that of the process which pulled, time that of a processor."""
    with tempfile.TemporaryDirectory(dir=folder) as own, patch.dict(os.environ, ZCC_CACHE=f"{own}/cache"):
        (work := Path(own) / "work").mkdir()
        told = lie(work, rounds, seed)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Tally(rounds, told.endings, told.wrong, most, told.seconds)


if __name__ == "__main__":
    sys.exit(run_script(attack_by_lies, 2000, __doc__))
