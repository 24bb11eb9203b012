"""How the sources are laid out, what they depend on, and that the editable install finds them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from zcc.runtime.distribution import NAME

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def needed(distribution: str, extra: str, seen: set[tuple[str, str]]) -> Iterator[str]:
    """Everything that installing `distribution[extra]` brings, as installed here."""
    if (distribution, extra) in seen:
        return
    seen.add((distribution, extra))
    yield distribution
    for requirement in map(Requirement, metadata.requires(distribution) or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            for wanted in ("", *requirement.extras):
                yield from needed(canonicalize_name(requirement.name), wanted, seen)


def test_neither_the_compiler_nor_the_tests_need_the_heavy_ones() -> None:
    brought = set(needed(NAME, "compiler", set())) | set(needed(NAME, "dev", set()))
    assert {"apache-tvm", "onnx", "pytest", "mypy"} <= brought
    assert not brought & {"torch", "xgboost"}


def test_the_thin_runtime_needs_two_packages() -> None:
    assert [Requirement(text).name for text in PROJECT["project"]["dependencies"]] == [
        "numpy",
        "apache-tvm-ffi",
    ]


def test_tvm_ffi_is_held_below_the_version_that_crashes() -> None:
    pin = next(Requirement(text) for text in PROJECT["project"]["dependencies"] if "tvm-ffi" in text)
    assert pin.specifier.contains("0.1.14.post1")
    assert not pin.specifier.contains("0.1.15")


@pytest.mark.parametrize("place", [ROOT, Path("/")], ids=["checkout", "elsewhere"])
def test_packages_import_under_their_names_from_anywhere(place: Path) -> None:
    code = """
import zcc, zcc.runtime.manifest, zcc.registry, zcc.compiler.frontend.model, zcc.commands.main
print(zcc.compiler.frontend.model.__file__)
"""
    found = subprocess.check_output([sys.executable, "-c", code], cwd=place, text=True, timeout=60)
    assert Path(found.strip()) == ROOT / "compiler" / "frontend" / "model.py"


def test_every_package_is_listed_in_pyproject() -> None:
    tables = PROJECT["tool"]["setuptools"]
    found = {
        ".".join([name, *init.parent.relative_to(ROOT / folder).parts])
        for name, folder in tables["package-dir"].items()
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert found == set(tables["packages"])


def test_entry_points_lead_to_code() -> None:
    groups = {"console_scripts": "zcc", "zcc.sources": "registry"}
    for group, name in groups.items():
        [entry] = metadata.entry_points(group=group, name=name)
        assert callable(entry.load())


def test_the_distribution_is_called_what_the_runtime_says() -> None:
    assert PROJECT["project"]["name"] == NAME


def test_no_folder_of_the_clone_shadows_the_installed_package() -> None:
    assert not (ROOT / "zcc").exists()
