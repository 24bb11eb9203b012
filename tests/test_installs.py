"""No message and no page tells anybody to fetch what is not ours: `zcc` on the package index is a stranger's.

What may be installed is this project, from its sources, and the distributions that it declares it needs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli
from packaging.requirements import Requirement

from zcc.commands.health import OPTIONAL, check_packages
from zcc.runtime.distribution import NAME, how_to_install

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("cli", "compiler", "registry", "runtime", "examples", "benchmarks", "tools", "tuning_logs")
PROJECT = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DECLARED = {
    Requirement(text).name for text in (*PROJECT["dependencies"], *(each for more in EXTRAS.values() for each in more))
} - {NAME}
TOOLS = {"pip"}  # which pip may renew itself
# In check_package, where requirements are those that this project's own metadata declares.
OF_OUR_METADATA = "{requirement.name}{requirement.specifier}"

# What installs Python's distributions: the rest of the line is what is fetched.
INSTALL = re.compile(
    r"(?:\b(?:pip[0-9.]*|pipx|uv|conda|mamba|poetry)|\$\(PIP\))\s+(?:tool\s+|pip\s+)*(?:install|add|run)\b(.*)"
)
# What fetches something else; nothing here needs it.
FETCH = re.compile(r"\b(?:curl|wget|git clone|docker (?:pull|run)|npm (?:i|install)|npx|uvx|cargo install)\b|git\+")
HERE = re.compile(r"'http://127\.0\.0\.1:\d+/[^']*'$")  # asks what listens on this machine
ARGUMENT = re.compile(r"""\s+("[^"]+"|'[^']+'|[^\s"'`;,)]+)""")


def fetched(line: str) -> Iterator[str]:
    """What a line tells to install, as it is written there."""
    for found in INSTALL.finditer(line):
        rest, place = found[1], 0
        while match := ARGUMENT.match(rest, place):
            word, place = match[1].strip("'\""), match.end()
            if word.startswith("#"):
                break
            if not word.startswith("-"):
                yield word
            if rest[place : place + 1] not in (" ", ""):
                break  # the command ends at a comma, a quote or a bracket; what follows is prose
    if FETCH.search(line) and not HERE.search(line):
        yield line.strip()


def is_ours(argument: str) -> bool:
    """Whether it names these sources, or a distribution that they declare."""
    if argument == OF_OUR_METADATA or re.fullmatch(r"\.(\[[^\]]+\])?", argument):
        return True
    name = re.match(r"[A-Za-z0-9._-]+", argument)
    return name is not None and name[0] in DECLARED | TOOLS


def texts() -> Iterator[tuple[Path, str]]:
    """Every line of every page, and every literal of the sources, with what stands for its parts in braces."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "Makefile"]
    pages += [page for folder in (*SOURCES, "artifacts") for page in (ROOT / folder).rglob("*.md")]
    for page in pages:
        yield from ((page, line) for line in page.read_text(encoding="utf-8").splitlines())
    for source in (path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")):
        for literal in literals(ast.parse(source.read_text(encoding="utf-8"))):
            yield from ((source, line) for line in literal.splitlines())


def literals(tree: ast.AST) -> Iterator[str]:
    """The strings of a module, those with parts put together."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"  # type: ignore[attr-defined]
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("pip install '.[compiler]'", ["."]),
        ("run `pip install zcc` first", ["zcc"]),
        ("pip install 'zcc[compiler]'", ["zcc[compiler]"]),
        ("python -m pip install -U zcc-yolo", ["zcc-yolo"]),
        ("uv pip install zcc, or build it", ["zcc"]),
        ("pipx install zcc", ["zcc"]),
        ("uv tool install zcc", ["zcc"]),
        ("pip install numpy zcc", ["zcc"]),
        ("pip install pillow, or opencv-python-headless", []),
        ("curl -L https://example.org/install.sh | sh", ["curl"]),
        ("pip install git+https://example.org/x", ["git+"]),
    ],
)
def test_what_would_be_fetched_is_found(line: str, found: list[str]) -> None:
    told = [argument for argument in fetched(line) if not is_ours(argument)]
    assert len(told) >= len([each for each in found if each != "."])
    assert all(any(each in argument for argument in told) for each in found if each != ".")
    assert bool(told) == bool(found and found != ["."])


def test_no_message_and_no_page_fetches_what_is_not_ours() -> None:
    seen = [(path, argument) for path, line in texts() for argument in fetched(line)]
    assert len(seen) > 8, "the commands are looked for where they are not"
    foreign = [f"{path.relative_to(ROOT)}: {argument}" for path, argument in seen if not is_ours(argument)]
    assert foreign == []


def test_every_extra_that_a_remedy_names_is_there() -> None:
    sources = [path.read_text(encoding="utf-8") for folder in SOURCES for path in (ROOT / folder).rglob("*.py")]
    named = {extra for text in sources for extra in re.findall(r"how_to_install\(\"(\w+)\"\)", text)}
    named |= {extra for _, _, extra in OPTIONAL}
    assert len(named) > 1 and named <= EXTRAS.keys()
    assert all(is_ours(argument) for extra in named for argument in fetched(how_to_install(extra)))


def test_packages_that_are_missing_are_those_that_we_declare() -> None:
    assert {finding.subject for finding in check_packages()} <= DECLARED
