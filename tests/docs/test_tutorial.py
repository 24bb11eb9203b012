"""docs/tutorial.md, as it stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Demo, demo  # noqa: F401 - a fixture
from tests.tutorials import DOCS, follow


def test_the_tutorial_runs_as_it_is_written(
    demo: Demo,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert follow((DOCS / "tutorial.md").read_text(encoding="utf-8"), demo, tmp_path, monkeypatch) > 8
    assert (tmp_path / "report.html").is_file() and (tmp_path / "cam.zcc").is_file()
