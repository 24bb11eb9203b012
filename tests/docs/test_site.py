"""The site holds every page and picture of docs/, and nothing in it leads nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tutorials import DOCS
from tools.site_links import on_page_markdown

ROOT = DOCS.parent


def test_it_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in DOCS.glob("*.md"):
        built = (tmp_path / page.with_suffix(".html").name).read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?://', built), page


def test_links_to_sources_become_paths() -> None:
    page = "[`Backend`](../compiler/backend.py), [a](b.md) and [`runtime/errors.py`](../runtime/errors.py)"
    assert on_page_markdown(page) == "`Backend` (`compiler/backend.py`), [a](b.md) and `runtime/errors.py`"


def test_pictures_are_small_and_used() -> None:
    told = "".join(page.read_text(encoding="utf-8") for page in (*DOCS.glob("*.md"), ROOT / "README.md"))
    for picture in (DOCS / "pictures").iterdir():
        assert 0 < picture.stat().st_size < 200_000, picture
        assert f"pictures/{picture.name}" in told, picture
