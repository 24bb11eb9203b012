"""Hold files and functions to a size that can be read at a sitting. Tests are exempt."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("cli", "compiler", "registry", "runtime", "examples", "benchmarks", "tools")
LONGEST_FILE = 300
LONGEST_FUNCTION = 50


def too_long(path: Path) -> Iterator[str]:
    """What in one file is longer than allowed."""
    text = path.read_text(encoding="utf-8")
    place = path.relative_to(ROOT)
    lines = text.count("\n")
    if lines > LONGEST_FILE:
        yield f"{place}: {lines} lines, at most {LONGEST_FILE}; split it by idea"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield f"{place}:{node.lineno}: {node.name} has {length} lines, at most {LONGEST_FUNCTION}"


if __name__ == "__main__":
    files = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    findings = [finding for path in files for finding in too_long(path)]
    print("\n".join(findings) or f"{len(files)} files within their sizes")
    sys.exit(bool(findings))
