"""What a fleet's build looks like: a line for what is done, and on a terminal what is going on."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.live import Live

from zcc.commands.build_view import LiveView, PlainView
from zcc.compiler.fleet.build import BUILT, FAILED, CellOutcome, Watcher
from zcc.compiler.fleet.matrix import Cell
from zcc.compiler.fleet.tasks import Foreseen, Stage

DOOR, YARD = (Cell(Path(f"{name}.onnx"), name, "int8", "native") for name in ("door", "yard"))


def _tell(watcher: Watcher) -> None:
    watcher.began(Stage("plan door", "fingerprints"))
    watcher.planned([Foreseen(DOOR, "1"), Foreseen(YARD, "2", digest="sha256:b")])
    watcher.began(Stage(DOOR.label, "lower"))
    watcher.began(Stage(YARD.label, "verify"))
    watcher.became(CellOutcome(DOOR, BUILT, "sha256:0123456789abcdef"))
    watcher.became(CellOutcome(YARD, FAILED, reason="misses the bar\x1b[2J"))
    watcher.noted("door int8 native: 4.5 ms, measured alone")


def test_a_pipe_gets_a_line_for_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    _tell(PlainView())
    assert capsys.readouterr().err.splitlines() == [
        "door: 1 of 2 are there, 1 to build",
        "built     door int8 native  sha256:0123456789ab",
        r"failed    yard int8 native  misses the bar\x1b[2J",
        "door int8 native: 4.5 ms, measured alone",
    ]


def test_a_terminal_shows_what_is_going_on() -> None:
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with Live(console=console, transient=True, auto_refresh=False) as live:
        view = LiveView(live, 2)
        _tell(view)
        live.refresh()
    shown = screen.getvalue()
    assert "2 of 2 done" in shown
    assert r"misses the bar\x1b[2J" in shown
    assert "\x1b[2J" not in shown
