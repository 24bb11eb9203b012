"""Rows of the index's tables, by the names of their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zcc.registry.database import Row, Transaction

METRICS = ("map50_95", "agreement50_95", "latency_ms")  # that a list shows and filters by

COLUMNS: Mapping[str, Sequence[str]] = {
    "artifacts": ("digest", "turn", "name", "dtype", "target", "fingerprint", "manifest", "origin"),
    "summaries": ("digest", "created", "model_sha256", "bytes", "width", "height", *METRICS),
    "measurements": ("id", "digest", "metric", "value", "how", "measured", "origin"),
    "gates": ("id", "name", "tag", "policy", "changed", "who", "message"),
    "removed": ("digest", "moved"),
    "tag_moves": ("id", "name", "tag", "why", "moved", "previous", "who", "message"),
}


def select(table: str, rest: str = "") -> str:
    """SQL for all columns of a table."""
    return f"SELECT {', '.join(COLUMNS[table])} FROM {table} {rest}"


def named(table: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows that `select` found, as mappings."""
    return [dict(zip(COLUMNS[table], row, strict=True)) for row in rows]


def every(seen: Transaction, table: str, rest: str = "", **values: Any) -> list[dict[str, Any]]:
    """The rows of a table."""
    return named(table, seen.rows(select(table, rest), **values))


# Of a name the last published of each variant: older builds of a name may be many, and each takes time to read.
LAST = (
    "name = :name AND turn = (SELECT MAX(b.turn) FROM artifacts b "
    "WHERE b.name = artifacts.name AND b.dtype = artifacts.dtype AND b.target = artifacts.target)"
)
LAST_FIRST = "ORDER BY turn DESC, digest"
