"""The real program, in a process of its own; or what its command does, in this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from zcc.commands.main import cli


def run_zcc(
    *arguments: str | Path, cwd: Path | None = None, timeout: float = 240, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `zcc` with these arguments, and with these variables on top of the environment."""
    return subprocess.run(
        [sys.executable, "-m", "zcc", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=timeout,
    )


def call_zcc(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The same, but in this process: where many lines are tried, each would import the compiler anew."""
    done = CliRunner().invoke(cli, list(map(str, arguments)), prog_name="zcc")
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def heed_ctrl_c() -> None:
    """To be called in a new process: those that a background job starts ignore it from birth."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """It ended with the code, one line on stderr that holds the words, and nothing on stdout."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
