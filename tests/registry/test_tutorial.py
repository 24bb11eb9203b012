"""docs/registry.md: from laptop to fleet, as it stands there."""

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
    pytest.importorskip("cryptography")
    page = (DOCS / "registry.md").read_text(encoding="utf-8")
    section = page.split("## From laptop to fleet")[1].split("\n## ")[0]
    assert follow(section, demo, tmp_path, monkeypatch) > 10
