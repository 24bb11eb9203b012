"""The confusion matrix as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zcc.commands.columns import columns

if TYPE_CHECKING:
    from zcc.compiler.quality.confusion import Confusion

MOST = 20  # classes that fit a screen
NOTHING, LONGEST = "nothing", 10


def confusion_text(found: Confusion, names: Sequence[str]) -> str:
    """A row for each labelled class, a column for what it was taken for; of many classes those most often mistaken."""
    counts, last = found.counts, len(names)
    mistakes = counts.sum(axis=0)[:last] + counts.sum(axis=1)[:last] - 2 * counts.diagonal()[:last]
    shown = sorted(sorted(range(last), key=lambda kind: -mistakes[kind])[:MOST])
    places = [*shown, last]
    titles = [_short(names[kind]) if kind < last else NOTHING for kind in places]
    rows = [
        ["", *titles],
        *([title, *(str(counts[kind, other]) for other in places)] for title, kind in zip(titles, places, strict=True)),
    ]
    rest = last - len(shown)
    more = f"\nand {rest} classes with fewer mistakes; --json has them all" if rest else ""
    return f"labelled (rows) and found (columns), score 0.25, overlap 0.5\n{columns(rows)}{more}"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
