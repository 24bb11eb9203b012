"""Lay the packages out under their import names in build/lint, for tools that read folders.

The sources lie at the top of the repository (`compiler/`), and are imported as `zcc.compiler`. mypy and
import-linter look for a package where its name says, so they get a tree of links.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import tomli

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "build" / "lint"


def package_folders(root: Path = ROOT) -> dict[str, Path]:
    """Where each top package lies, by import name, as pyproject.toml maps them."""
    project = tomli.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    mapping = project["tool"]["setuptools"]["package-dir"]
    return {name: root / folder for name, folder in mapping.items()}


def build_tree(tree: Path = TREE) -> None:
    """Make `tree` afresh: real folders, linked files."""
    shutil.rmtree(tree, ignore_errors=True)
    for name, folder in package_folders().items():
        for source in folder.rglob("*"):
            if source.suffix in (".py", ".pyi") or source.name == "py.typed":
                link = tree / Path(*name.split(".")) / source.relative_to(folder)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(source)


if __name__ == "__main__":
    build_tree()
