"""What a build looks like: plain lines in a log, spinners on a terminal."""

from __future__ import annotations

import io
import re
import sys

import pytest
from rich.console import Console

from zcc.commands.progress import LiveProgress, PlainProgress, open_progress
from zcc.compiler.building.progress import Progress, Silent


def follow_build(progress: Progress) -> None:
    """A build with a nested stage, a note, and a stage that fails."""
    with progress.stage("load [model]"):
        progress.note("opset [13]")
        with progress.stage("simplify"):
            pass
    with pytest.raises(ZeroDivisionError), progress.stage("compile"):
        raise ZeroDivisionError


def test_plain_lines_name_each_stage_with_its_seconds() -> None:
    stream = io.StringIO()
    follow_build(PlainProgress(stream))
    note, nested, outer, failed = stream.getvalue().splitlines()
    assert note == "opset [13]"
    assert re.fullmatch(r"  simplify +\d+\.\d s", nested)
    assert re.fullmatch(r"load \[model\] +\d+\.\d s", outer)
    assert re.fullmatch(r"compile +\d+\.\d s  failed", failed)


def test_an_interrupted_stage_is_no_failure() -> None:
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt), PlainProgress(stream).stage("compile"):
        raise KeyboardInterrupt
    assert stream.getvalue() == ""


def test_a_terminal_sees_ticks_and_its_cursor_again() -> None:
    stream = io.StringIO()
    follow_build(LiveProgress(Console(file=stream, force_terminal=True, width=80)))
    seen = stream.getvalue()
    assert seen.count("✓") == 2
    assert seen.count("✗") == 1
    assert "load [model]" in seen
    assert "opset [13]" in seen
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")


def test_a_pipe_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(open_progress(), PlainProgress)


def test_silence_lets_errors_through() -> None:
    follow_build(Silent())
