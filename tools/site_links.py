"""A hook of MkDocs': links out of docs/, to sources that the site does not hold, become the paths they name."""

from __future__ import annotations

import re
from typing import Any

OUTWARD = re.compile(r"\[([^\]]+)\]\(\.\./([^)]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with its links to sources as text."""
    return OUTWARD.sub(_named, markdown)


def _named(found: re.Match[str]) -> str:
    words, path = found[1], found[2]
    return words if path in words.strip("`") else f"{words} (`{path}`)"
