"""The tools that `make` calls, run as it runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ROOT / "tools"


def run_tool(tool: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one tool in a process of its own."""
    command = [sys.executable, str(tool), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one file, with the tools beside it."""
    shutil.copytree(TOOLS, tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "compiler" / "deep").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.setuptools.package-dir]\n"zcc.compiler" = "compiler"\n')
    return tmp_path


def test_a_machine_without_a_c_compiler_is_told_what_to_install() -> None:
    done = run_tool(TOOLS / "check_host.py", "no-such-cc")
    assert done.returncode == 1
    assert done.stderr.startswith("error: no C compiler (no-such-cc); install one")
    assert run_tool(TOOLS / "check_host.py", "true").returncode == 0


@pytest.mark.parametrize("python", ["python3.6", "python3.8", "python3.9"])
def test_an_old_python_is_refused_in_one_line(python: str) -> None:
    found = shutil.which(python)
    if not found or subprocess.run([found, "-V"], capture_output=True).returncode:
        pytest.skip(f"{python} is not installed")
    done = subprocess.run([found, TOOLS / "check_host.py", "true"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "is too old; install 3.10 or newer" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_without_python_names_the_way_out(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    done = subprocess.run(
        ["make", "demo", "PYTHON=no-such-python"], cwd=tmp_path, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    assert "error: no no-such-python here; install Python 3.10 or newer" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_lint_tree_holds_every_module_under_its_import_name(project: Path) -> None:
    (project / "compiler" / "deep" / "pass.py").write_text("x = 1\n")
    (project / "compiler" / "notes.txt").touch()
    stale = project / "build" / "lint" / "zcc" / "gone.py"
    stale.parent.mkdir(parents=True)
    stale.touch()
    assert run_tool(project / "tools" / "lint_tree.py").returncode == 0
    tree = project / "build" / "lint"
    files = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    assert files == {"zcc/compiler/deep/pass.py"}
    assert (tree / "zcc/compiler/deep/pass.py").resolve() == project / "compiler" / "deep" / "pass.py"


def test_sizes_are_held(project: Path) -> None:
    source = project / "compiler" / "deep" / "pass.py"
    source.write_text("def short():\n    pass\n")
    assert run_tool(project / "tools" / "check_sizes.py").returncode == 0
    source.write_text("def long():\n" + "    pass\n" * 60)
    done = run_tool(project / "tools" / "check_sizes.py")
    assert (done.returncode, done.stdout) == (1, "compiler/deep/pass.py:1: long has 61 lines, at most 50\n")
    source.write_text("\n" * 351)
    done = run_tool(project / "tools" / "check_sizes.py")
    assert (done.returncode, done.stdout) == (
        1,
        "compiler/deep/pass.py: 351 lines, at most 300; split it by idea\n",
    )


def test_a_page_of_the_commands_that_is_out_of_date_is_told(project: Path) -> None:
    tool = project / "tools" / "generate_cli_docs.py"
    (project / "docs").mkdir()
    assert run_tool(tool, "--check").returncode == 1
    assert run_tool(tool).returncode == 0
    assert run_tool(tool, "--check").returncode == 0
    page = project / "docs" / "cli.md"
    page.write_text(page.read_text().replace("zcc compile", "zcc build"))
    done = run_tool(tool, "--check")
    assert done.returncode == 1
    assert done.stderr.strip() == "error: docs/cli.md is out of date; run make docs"


def test_a_command_that_prints_past_the_escaping_is_found(project: Path) -> None:
    commands = project / "cli" / "commands"
    commands.mkdir(parents=True)
    (commands / "output.py").write_text("click.echo(text)\n")
    (commands / "good.py").write_text("say(text)\nsys.stdout.flush()\n")
    tool = project / "tools" / "check_output.py"
    assert run_tool(tool).returncode == 0
    (commands / "bad.py").write_text(
        "print(1)\nclick.echo(2)\nConsole().print(3)\nsys.stderr.write(4)\ntraceback.print_exc()\n"
    )
    done = run_tool(tool)
    assert done.returncode == 1
    assert [line.split(":")[1] for line in done.stdout.splitlines()] == ["1", "2", "3", "4", "5"]


def test_a_class_name_has_one_meaning(project: Path) -> None:
    """Twins in two backends mean the same; what they share has names of its own."""
    tool, backends = project / "tools" / "check_names.py", project / "compiler" / "backends"
    for place in ("cpu", "cuda", "common"):
        (backends / place).mkdir(parents=True)
    for place in ("cpu", "cuda"):
        (backends / place / "tile.py").write_text("class Tile: ...\nclass _Private: ...\n")
    assert run_tool(tool).returncode == 0
    (backends / "common" / "tile.py").write_text("class Tile: ...\n")
    done = run_tool(tool)
    places = ", ".join(f"compiler/backends/{place}/tile.py" for place in ("common", "cpu", "cuda"))
    assert (done.returncode, done.stdout) == (1, f"Tile is a class in {places}; rename all but one\n")
