"""Damaged models are refused or compiled; none takes the process down or escapes as another error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compiler.frontend.fuzz import fuzz


@pytest.mark.waits
def test_damaged_models(tmp_path: Path) -> None:
    fuzzer = fuzz(tmp_path, seed=0, seconds=12, most=150)
    assert not fuzzer.failures, "\n".join(fuzzer.failures)
    assert fuzzer.outcomes["refused"] > 0 and fuzzer.outcomes["accepted"] > 0
