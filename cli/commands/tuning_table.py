"""A search for faster kernels as people see it: a line of how far it is, and a table of what weighs most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zcc.commands.output import cells

if TYPE_CHECKING:
    from rich.table import Table

    from zcc.compiler.backends.search import AnySearch, TunedKernel, TunedNetwork

SHOWN = 12  # kernels in the table
COLUMNS = ("kernel", "runs", "tried", "default", "best", "floor", "gain", "best form")


def batch_line(search: AnySearch, task: TunedKernel) -> str:
    """What the last batch brought."""
    return f"  {task.name}: {_form(task)}; {whole_line(search)}"


def whole_line(search: AnySearch) -> str:
    """How far the search is."""
    gain = search.default_seconds / search.best_seconds if search.best_seconds else 1.0
    told = [
        f"{_ms(search.default_seconds)} -> {_ms(search.best_seconds)} ms ({gain:.2f}x)",
        f"{search.tried} forms tried",
        f"{search.left} left",
        *([f"{search.failed} failed"] if search.failed else []),
        f"{clock(search.spent)} gone",
        *([f"{clock(search.remaining)} to go"] if search.remaining is not None else []),
    ]
    return ", ".join(told)


def network_line(found: TunedNetwork) -> str:
    """What came of the search for the network's own form."""
    told = [f"{found.tried} forms tried", f"{found.left} left", *([f"{found.failed} failed"] if found.failed else [])]
    return f"the network as {found.best_form}: {found.describe()}, {', '.join(told)}"


def search_table(search: AnySearch) -> Table:
    """The kernels that weigh most, the heaviest first."""
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False, title=whole_line(search), title_justify="left")
    for number, name in enumerate(COLUMNS):
        table.add_column(name, justify="left" if number in (0, len(COLUMNS) - 1) else "right", no_wrap=True)
    for task in heaviest(search)[:SHOWN]:
        table.add_row(*cells(_row(task)))
    return table


def heaviest(search: AnySearch) -> list[TunedKernel]:
    """The kernels by the time that they take together."""
    return sorted(search.tasks, key=lambda task: -task.count * (task.default_seconds or 0.0))


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _row(task: TunedKernel) -> tuple[str, ...]:
    return (
        task.name,
        str(task.count),
        f"{task.forms - task.left}/{task.forms}",
        _ms(task.default_seconds),
        _ms(task.best_seconds),
        _ms(task.floor_seconds),
        f"{task.gain:.2f}x",
        task.best or "",
    )


def _form(task: TunedKernel) -> str:
    if task.best_seconds is None:
        return "nothing could be measured"
    floor = f", floor {_ms(task.floor_seconds)}" if task.floor_seconds else ""
    return f"{_ms(task.best_seconds)} of {_ms(task.default_seconds)} ms{floor} ({task.best})"


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{1e3 * seconds:.3f}"
