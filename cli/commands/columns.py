"""Small tables as plain text."""

from __future__ import annotations

from collections.abc import Sequence

from zcc.runtime.escaping import escaped


def columns(rows: Sequence[Sequence[str]]) -> str:
    """The rows under each other, the first column to the left and the others to the right."""
    rows = [[escaped(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join([row[0].ljust(len(first)), *others]).rstrip()
