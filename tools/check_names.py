"""Hold class names to one meaning: no two public classes share a name, but for twins in the folders of two backends."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("cli", "compiler", "registry", "runtime")
BACKENDS = ROOT / "compiler" / "backends"
SHARED = "common"  # the folder beside those of the backends, which is nobody's twin


def public_classes(path: Path) -> Iterator[str]:
    """The names of the classes that other files may use."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def owner(path: Path) -> str:
    """The backend that a file belongs to, "" where it belongs to none."""
    inside = path.relative_to(BACKENDS).parts if path.is_relative_to(BACKENDS) else ()
    return inside[0] if len(inside) > 1 and inside[0] != SHARED else ""


def are_twins(places: list[Path]) -> bool:
    """Whether each place is in a backend of its own."""
    owners = [owner(path) for path in places]
    return "" not in owners and len(set(owners)) == len(owners)


def shared_names(files: list[Path]) -> Iterator[str]:
    """Each name that stands for several classes, and where they are."""
    places: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        for name in public_classes(path):
            places[name].append(path)
    for name, found in sorted(places.items()):
        if len(found) > 1 and not are_twins(found):
            yield f"{name} is a class in {', '.join(str(path.relative_to(ROOT)) for path in found)}; rename all but one"


if __name__ == "__main__":
    every = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    findings = list(shared_names(every))
    print("\n".join(findings) or f"{len(every)} files give each class a name of its own")
    sys.exit(bool(findings))
