"""Connections cut after a random number of bytes: what is resumed completes, and nothing half-made shows.

The long form: python -m tests.long.cut_remotes --rounds 1000
"""

from __future__ import annotations

from pathlib import Path

from tests.oci.server import OciServer
from tests.registry.remotes.cuts import cut_pulls, cut_pushes


def test_pushes_that_are_cut_complete(oci: OciServer, tmp_path: Path) -> None:
    assert cut_pushes(oci, tmp_path, rounds=2, seed=1) > 2


def test_pulls_that_are_cut_complete(oci: OciServer, tmp_path: Path) -> None:
    assert cut_pulls(oci, tmp_path, rounds=2, seed=2) > 2
