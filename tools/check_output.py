"""Hold every command to zcc.commands.output, which escapes what it prints; nothing else in cli/ may print."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "cli"
MODULE = FOLDER / "commands" / "output.py"
# The second prints a constant, when nothing can be imported.
ALLOWED = {MODULE, FOLDER / "__main__.py"}
FUNCTIONS = {"print", "echo", "secho", "echo_via_pager", "print_exception", "print_exc"}
STREAMS = {"stdout", "stderr"}


def prints(path: Path) -> Iterator[str]:
    """Where one file prints past the escaping."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and _is_print(node.func):
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node.func)}; use zcc.commands.output"


def _is_print(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in FUNCTIONS
    if not isinstance(function, ast.Attribute):
        return False
    writes = function.attr == "write" and isinstance(function.value, ast.Attribute) and function.value.attr in STREAMS
    return writes or function.attr in FUNCTIONS


if __name__ == "__main__":
    files = sorted(path for path in FOLDER.rglob("*.py") if path not in ALLOWED)
    findings = [finding for path in files for finding in prints(path)]
    print("\n".join(findings) or f"{len(files)} files print through {MODULE.relative_to(ROOT)}")
    sys.exit(bool(findings))
