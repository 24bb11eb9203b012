"""Contestants timed in turns, and the table of how they stand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.gpu.timing import figures

ROUNDS, CALLS = 12, 40
PEER = "pytorch"

Timed = Callable[[], list[float]]  # seconds of several runs
Table = dict[str, dict[str, Any]]  # figures by contestant, and the peer's medians over theirs as `ratio`


def called(run: Callable[[], object]) -> Timed:
    """Calls by the host's clock."""

    def several() -> list[float]:
        taken = []
        for _ in range(CALLS):
            begin = time.perf_counter()
            run()
            taken.append(time.perf_counter() - begin)
        return taken

    return several


def in_turns(contestants: Mapping[str, Timed], rounds: int = ROUNDS) -> Table:
    """Microseconds of each, measured in turns; a first round does not count."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            taken[name] += run() if turn else run()[:0]
    table: Table = {name: figures(values) for name, values in taken.items()}
    peer = table[PEER]["median"]
    return {**table, "ratio": {name: round(peer / each["median"], 2) for name, each in table.items() if name != PEER}}


def lines(name: str, results: Mapping[str, Table]) -> list[str]:
    """A line for each contestant of each discipline: median, p95, p99 in microseconds, and the ratio."""
    told = []
    for discipline, table in results.items():
        for who in (who for who in table if who != "ratio"):
            ratio = f"{table['ratio'][who]:.2f}x" if who in table["ratio"] else ""
            cells = "".join(f"{table[who][key]:10.1f}" for key in ("median", "p95", "p99"))
            told.append(f"{name:12}{discipline:44}{who:10}{cells}{ratio:>8}")
    return told
