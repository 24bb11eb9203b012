"""A search for faster kernels as people see it: a line of how far it is, and a table of what weighs most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zcc.commands.output import cells

if TYPE_CHECKING:
    from rich.table import Table

    from zcc.compiler.tuning.kernel_task import KernelTask, Search
    from zcc.compiler.tuning.network_search import WholeSearch

SHOWN = 12  # kernels in the table
COLUMNS = ("kernel", "runs", "tried", "default", "best", "floor", "gain", "best form")


def batch_line(search: Search, task: KernelTask) -> str:
    """What the last batch brought."""
    return f"  {task.spec.name}: {_form(task)}; {whole_line(search)}"


def whole_line(search: Search) -> str:
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


def network_line(found: WholeSearch) -> str:
    """What came of the search for the network's own form."""
    from zcc.compiler.backends.cpu.forms.network_form import write_form

    told = [f"{found.tried} forms tried", f"{found.left} left", *([f"{found.failed} failed"] if found.failed else [])]
    return f"the network as {write_form(found.best)}: {found.told(found.best)}, {', '.join(told)}"


def search_table(search: Search) -> Table:
    """The kernels that weigh most, the heaviest first."""
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False, title=whole_line(search), title_justify="left")
    for number, name in enumerate(COLUMNS):
        table.add_column(name, justify="left" if number in (0, len(COLUMNS) - 1) else "right", no_wrap=True)
    for task in heaviest(search)[:SHOWN]:
        table.add_row(*cells(_row(task)))
    return table


def heaviest(search: Search) -> list[KernelTask]:
    """The kernels by the time that they take together."""
    return sorted(search.tasks, key=lambda task: -task.count * (task.default_seconds or 0.0))


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _row(task: KernelTask) -> tuple[str, ...]:
    return (
        task.spec.name,
        str(task.count),
        f"{len(task.choices) - task.left}/{len(task.choices)}",
        _ms(task.default_seconds),
        _ms(task.best_seconds),
        _ms(task.floor_seconds),
        f"{task.gain:.2f}x",
        task.best or "",
    )


def _form(task: KernelTask) -> str:
    if task.best_seconds is None:
        return "nothing could be measured"
    floor = f", floor {_ms(task.floor_seconds)}" if task.floor_seconds else ""
    return f"{_ms(task.best_seconds)} of {_ms(task.default_seconds)} ms{floor} ({task.best})"


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{1e3 * seconds:.3f}"
