"""Tables as plain text: a row is a line, whatever stands in it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Iterator, Sequence

from zcc.runtime.escaping import escaped

GAP = "  "
ELLIPSIS = "…"
NARROWEST = 8  # that a column is made which has to give way


def columns(rows: Sequence[Sequence[str]]) -> str:
    """The rows under each other, the first column to the left and the others to the right."""
    rows = [[escaped(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    return GAP.join([row[0].ljust(len(first)), *others]).rstrip()


def table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = (), yielding: Collection[str] = ()
) -> Iterator[str]:
    """The lines of a table; the columns in `right` are numbers, and those without a word in them are left out.

    On a terminal that is too narrow the columns in `yielding` are cut in their middle, so that a row stays a line; in a
    pipe or a file nothing is cut.
    """
    shown = [place for place, _ in enumerate(titles) if any(row[place] for row in rows)]
    cells = [[escaped(row[place]) for place in shown] for row in (titles, *rows)]
    names = [titles[place] for place in shown]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    widths = _fitted(widths, [place for place, name in enumerate(names) if name in yielding], room())
    for row in cells:
        pieces = (
            _cut(cell, width).rjust(width) if name in right else _cut(cell, width).ljust(width)
            for cell, width, name in zip(row, widths, names, strict=True)
        )
        yield GAP.join(pieces).rstrip()


def room() -> int | None:
    """The width of the terminal, None where what is printed goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _fitted(widths: Sequence[int], yielding: Sequence[int], width: int | None) -> list[int]:
    """Widths that fit: the widest that may gives way first, as long as it is not too narrow."""
    fitted = list(widths)
    while width is not None and sum(fitted) + len(GAP) * (len(fitted) - 1) > width:
        widest = max(yielding, key=lambda place: fitted[place], default=None)
        if widest is None or fitted[widest] <= NARROWEST:
            break
        fitted[widest] -= 1
    return fitted


def _cut(cell: str, width: int) -> str:
    """A cell that is not wider, its beginning and its end kept."""
    if len(cell) <= width:
        return cell
    kept = width - len(ELLIPSIS)
    return cell[: kept - kept // 2] + ELLIPSIS + cell[len(cell) - kept // 2 :]
