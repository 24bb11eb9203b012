"""How a search shares out what it may take."""

from __future__ import annotations

import time

import pytest

from zcc.compiler.backends.search import Limits
from zcc.compiler.building.tune_options import TuneOptions
from zcc.compiler.tuning.tune_model import shares


def test_each_variant_gets_its_part_of_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    parts = shares(TuneOptions(seconds=90.0), 3)
    assert next(parts) == Limits(None, 30.0)
    now = 110.0  # the first was done early
    assert next(parts) == Limits(None, 40.0)
    now = 195.0  # the second took too long
    assert next(parts) == Limits(None, 0.0)


def test_what_came_before_a_search_is_part_of_its_time() -> None:
    assert Limits(7, 60.0).after(12.0) == Limits(7, 48.0)
    assert Limits(7, 60.0).after(90.0) == Limits(7, 0.0)
    assert Limits(7).after(90.0) == Limits(7)
