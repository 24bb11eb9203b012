"""Pushes and pulls that are killed lose nothing, and are gone on with.

The long form: python -m tests.long.kill_remotes --rounds 500
"""

from __future__ import annotations

from pathlib import Path

from tests.oci.server import OciServer
from tests.registry.remotes.kills import kill_at_random


def test_killed_pushes_and_pulls(oci: OciServer, tmp_path: Path) -> None:
    assert kill_at_random(oci, tmp_path, rounds=2, seed=1) > 0
