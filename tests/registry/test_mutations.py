"""Bundles changed at random: refused whole in one line, or imported and harmless.

The long form is python -m tests.long.mutate_bundles.
"""

from __future__ import annotations

from pathlib import Path

from tests.registry.mutations import fuzz


def test_what_is_imported_breaks_no_later_command(tmp_path: Path) -> None:
    told = fuzz(tmp_path, rounds=120, seed=5)
    assert told.wrong == []
    assert told.endings["imported"] > 3 and told.endings["CorruptArtifact"] > 50
