"""What a build looks like from outside: stage names and elapsed time, on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from zcc.commands.output import print_rich, say
from zcc.commands.tuning_table import batch_line, search_table
from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from rich.console import Console

    from zcc.compiler.backends.search import AnySearch, SearchProgress, TunedKernel

NAME_WIDTH = 40


def _line(depth: int, name: str, seconds: float) -> str:
    return f"{'  ' * depth + name:<{NAME_WIDTH}} {seconds:6.1f} s"


class PlainProgress:
    """One line per finished stage, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._depth = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block and print its line when it ends."""
        start = time.perf_counter()
        self._depth += 1
        verdict: str | None = "  failed"
        try:
            yield
            verdict = ""
        except KeyboardInterrupt:
            verdict = None  # whoever interrupts knows
            raise
        finally:
            self._depth -= 1
            if verdict is not None:
                self.note(_line(self._depth, name, time.perf_counter() - start) + verdict)

    def note(self, text: str) -> None:
        """Print one line."""
        say(escaped(text), file=self._stream)

    def measured(self, search: AnySearch, task: TunedKernel) -> None:
        """Print what the last trials brought."""
        self.note(batch_line(search, task))


class LiveProgress:
    """A spinner and a clock beside every stage that runs; finished stages scroll up with a tick."""

    def __init__(self, console: Console) -> None:
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        from zcc.commands.live_display import LiveDisplay

        columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
        self._display = LiveDisplay(*columns, console=console, transient=True)
        self._depth = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show the stage while the block runs, and print its line when it ends."""
        start = time.perf_counter()
        if self._depth == 0:
            self._display.start()
        task = self._display.add_task(f"{'  ' * self._depth}{escaped(name)}", total=None)
        self._depth += 1
        mark, style = "✗", "red"
        try:
            yield
            mark, style = "✓", "green"
        finally:
            self._depth -= 1
            self._display.show(None)
            self._display.remove_task(task)
            self._display.refresh()
            self._say(mark, _line(self._depth, name, time.perf_counter() - start), style)
            if self._depth == 0:
                self._display.stop()

    def note(self, text: str) -> None:
        """Print one line above the spinners."""
        self._say(" ", text, "dim")

    def measured(self, search: AnySearch, task: TunedKernel) -> None:
        """Show the search's table until the stage ends."""
        self._display.show(search_table(search) if search.left else None)

    def _say(self, mark: str, text: str, style: str) -> None:
        from rich.text import Text

        print_rich(Text.assemble((mark, style), " ", escaped(text)), self._display.console)


def open_progress() -> SearchProgress:
    """The display that suits stderr: live on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        return PlainProgress(sys.stderr)
    from rich.console import Console

    return LiveProgress(Console(stderr=True))
