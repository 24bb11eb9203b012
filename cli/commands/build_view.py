"""What a fleet's build looks like from outside, on stderr: a line for each cell, and on a terminal what is going on."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zcc.commands.output import cells, print_rich, say
from zcc.runtime.escaping import escaped
from zcc.runtime.wording import counted

if TYPE_CHECKING:
    from zcc.compiler.fleet.build import CellOutcome, Watcher
    from zcc.compiler.fleet.tasks import Foreseen, Stage


def told(outcome: CellOutcome) -> str:
    """A cell and what became of it, in one line."""
    what = outcome.digest[:19] if outcome.digest else outcome.reason
    return f"{outcome.state:<9} {outcome.cell.label}  {what}"


def plan_line(foreseen: Sequence[Foreseen]) -> str:
    """What a model's plan says, in one line."""
    there = sum(each.digest is not None for each in foreseen)
    missing = sum(each.fingerprint is not None and each.digest is None for each in foreseen)
    return f"{foreseen[0].cell.name}: {there} of {len(foreseen)} are there, {missing} to build"


class PlainView:
    """One line for every model that is planned and every cell that is done, for logs and pipes."""

    def planned(self, foreseen: Sequence[Foreseen]) -> None:
        """Print what is to be done for a model."""
        self._say(plan_line(foreseen))

    def began(self, stage: Stage) -> None:
        """Say nothing: several builds at once would say too much."""

    def became(self, outcome: CellOutcome) -> None:
        """Print what became of a cell."""
        self._say(told(outcome))

    def noted(self, line: str) -> None:
        """Print the line."""
        self._say(line)

    def _say(self, line: str) -> None:
        say(escaped(line), file=sys.stderr)


class LiveView:
    """What is done scrolls up; beneath it a table of what each worker does, and how far all of it is."""

    def __init__(self, live: Any, total: int) -> None:
        self._live, self._total, self._done = live, total, 0
        self._running: dict[str, str] = {}

    def planned(self, foreseen: Sequence[Foreseen]) -> None:
        """Show what is to be done for a model."""
        self._above(plan_line(foreseen))
        self._end(f"plan {foreseen[0].cell.name}")

    def began(self, stage: Stage) -> None:
        """Show what a worker does now."""
        self._running[stage.label] = stage.name
        self._show()

    def became(self, outcome: CellOutcome) -> None:
        """Let the cell scroll up."""
        self._done += 1
        self._above(told(outcome))
        self._end(outcome.cell.label)

    def noted(self, line: str) -> None:
        """Let the line scroll up."""
        self._above(line)

    def _above(self, line: str) -> None:
        from rich.text import Text

        print_rich(Text(escaped(line)), self._live.console)

    def _end(self, label: str) -> None:
        self._running.pop(label, None)
        self._show()

    def _show(self) -> None:
        from rich.table import Table

        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for label, stage in self._running.items():
            table.add_row(*cells((label, stage)))
        table.add_row(*cells((f"{self._done} of {self._total} done", "")))
        self._live.update(table)


@contextmanager
def open_view(total: int, workers: int) -> Iterator[Watcher]:
    """The view that suits stderr: live on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        yield PlainView()
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    print_rich(f"{counted(total, 'variant')}, {workers} at once", console)
    with Live(console=console, transient=True) as live:
        yield LiveView(live, total)
