"""A damaged index: every use works or ends in one clear line, and nothing that was published is deleted.

The long form is python -m tests.long.damage_indexes.
"""

from __future__ import annotations

from pathlib import Path

from tests.registry.damage import attack


def test_whatever_is_damaged_every_use_works_or_says_why(tmp_path: Path) -> None:
    told = attack(tmp_path, rounds=25, seed=3)
    assert told.wrong == []
    assert told.endings["worked"] > 20 and told.endings.total() - told.endings["worked"] > 20
