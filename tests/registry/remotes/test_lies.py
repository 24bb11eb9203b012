"""A hostile server: whatever it answers, a pull is refused in one line, or brings what is sound.

The long form: python -m tests.long.lie_remotes --rounds 2000
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.registry.remotes.lies import lie


def test_lies_at_random(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZCC_CACHE", str(tmp_path.parent / f"{tmp_path.name}-cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    told = lie(tmp_path, rounds=60, seed=3)
    assert told.wrong == []
    assert len(told.endings) >= 4
