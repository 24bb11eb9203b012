"""The container file for building for ARM: what it names is there, and is what the project and the docs say.

No container runtime is asked for; the steps were run by hand in a system that debootstrap laid.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import tomli

from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.runtime.cache import VARIABLE

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "examples" / "arm64" / "Containerfile"
TEXT = FILE.read_text(encoding="utf-8")
DOCS = (ROOT / "docs" / "targets.md").read_text(encoding="utf-8")
INSTALLS = re.compile(r"pip install (?:--[\w-]+ )*'\.\[([\w,]+)\]'")


def steps(instruction: str) -> list[str]:
    """The arguments of each step of a kind, on one line each."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE))
    return [line.removeprefix(f"{instruction} ") for line in joined.splitlines() if line.startswith(f"{instruction} ")]


def commands() -> list[list[str]]:
    """Every command that is run while the image is built."""
    return [shlex.split(command) for step in steps("RUN") for command in step.split("&&")]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_all_that_the_package_is_built_of_is_copied(project: dict[str, Any]) -> None:
    copied = {name for step in steps("COPY") for name in step.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    package = project["project"]
    needed = {package["readme"], *package["license-files"], *project["tool"]["setuptools"]["package-dir"].values()}
    assert copied >= {"pyproject.toml", *needed}


def test_it_installs_what_the_docs_say_and_the_project_has(project: dict[str, Any]) -> None:
    [extras] = INSTALLS.findall(TEXT)
    assert set(extras.split(",")) <= project["project"]["optional-dependencies"].keys()
    assert extras in INSTALLS.findall(DOCS)


def test_it_installs_the_emulator_that_the_docs_name() -> None:
    [emulator] = re.findall(r"apt-get install ([\w-]+)`", DOCS)
    [packages] = [line for line in commands() if line[:2] == ["apt-get", "install"]]
    assert emulator in packages


def test_the_scripts_and_files_that_it_runs_are_copied() -> None:
    copied = {name for step in steps("COPY") for name in step.split()[:-1]}
    named = [word for line in commands() for word in line if re.fullmatch(r"[a-z]\w*(/\w+)+\.(py|onnx)", word)]
    assert named
    for path in named:
        assert (ROOT / path).is_file()
        assert path.split("/")[0] in copied


def test_the_system_that_qemu_runs_lies_where_the_compiler_looks() -> None:
    assert steps("ENV") == [f"{VARIABLE}=/opt/zcc-cache"]


def test_the_commands_in_it_name_targets_that_there_are() -> None:
    named = re.findall(r"--target (\S+)", TEXT)
    assert named
    assert set(named) <= TARGETS.keys()


def test_its_own_place_is_right_wherever_it_is_named() -> None:
    place = FILE.relative_to(ROOT).as_posix()
    assert f"--file {place} ." in TEXT
    assert f"(../{place})" in DOCS
