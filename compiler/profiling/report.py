"""A profile in figures: what each kernel takes, does, and could not do without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zcc.compiler.backends.common.machine import Machine
from zcc.compiler.profiling.profile import KernelTime, total_seconds

NAME_WIDTH = 44
NODES_SHOWN = 2
FORMS = {True: "tuned", False: "default", None: ""}
# Heading, key in a row, format. Columns whose key a row lacks are left out.
COLUMNS = (
    ("share", "share", "7.1%"),
    ("ms", "ms", "9.3f"),
    ("GFLOP/s", "gflops", "9.1f"),
    ("GB/s", "gbs", "8.1f"),
    ("least ms", "floor_ms", "9.3f"),
    ("of peak", "of_floor", "8.1%"),
)


def as_rows(times: Sequence[KernelTime], machine: Machine | None = None) -> list[dict[str, Any]]:
    """One row per kernel call, the longest first; with a machine, its floor and how near the call comes to it."""
    total = total_seconds(times)
    return [
        _row(each, each.seconds / total if total else 0.0, machine)
        for each in sorted(times, key=lambda each: each.seconds, reverse=True)
    ]


def _row(each: KernelTime, share: float, machine: Machine | None) -> dict[str, Any]:
    row = {
        "kernel": each.kernel,
        "makes": each.makes,
        "share": round(share, 6),
        "ms": round(1e3 * each.seconds, 6),
        "gflops": round(each.flops_per_second / 1e9, 3),
        "gbs": round(each.bytes_per_second / 1e9, 3),
        "arithmetic": each.arithmetic,
        "dtype": each.dtype,
        "layout": each.layout,
        "tuned": each.tuned,
        "nodes": list(each.nodes),
    }
    return row if machine is None else row | _floor(_least(each, machine), each.seconds)


def _least(each: KernelTime, machine: Machine) -> float:
    return machine.floor(each.arithmetic, each.flops, each.bytes)


def _floor(floor: float, seconds: float) -> dict[str, float]:
    """How near the time comes to the least that is possible."""
    return {"floor_ms": round(1e3 * floor, 6), "of_floor": round(floor / seconds, 6) if seconds else 0.0}


def as_totals(times: Sequence[KernelTime], machine: Machine | None = None) -> dict[str, Any]:
    """The same figures for the network as a whole."""
    total, flops = total_seconds(times), sum(each.flops for each in times)
    totals = {
        "kernels": len(times),
        "ms": round(1e3 * total, 6),
        "gflop": round(flops / 1e9, 6),
        "gflops": round(flops / total / 1e9, 3) if total else 0.0,
    }
    if machine is None:
        return totals
    return totals | _floor(sum(_least(each, machine) for each in times), total)


def as_text(rows: Sequence[dict[str, Any]], top: int) -> str:
    """The table, the first `top` rows of it."""
    columns = [column for column in COLUMNS if rows and column[1] in rows[0]]
    title = "".join(f"{heading:>{_width(form)}}" for heading, _, form in columns)
    lines = [f"{title}  {'kernel':{NAME_WIDTH}} {'form':8}{'writes':18}nodes"]
    for row in rows[:top]:
        figures = "".join(format(row[key], form) for _, key, form in columns)
        written = " ".join(filter(None, (row["dtype"], row["layout"])))
        lines.append(
            f"{figures}  {row['kernel']:<{NAME_WIDTH}} {FORMS[row['tuned']]:8}{written:18}{_told_nodes(row)}".rstrip()
        )
    if len(rows) > top:
        rest = sum(row["share"] for row in rows[top:])
        lines.append(f"{rest:{COLUMNS[0][2]}}  in {len(rows) - top} more")
    return "\n".join(lines)


def _told_nodes(row: dict[str, Any]) -> str:
    """The nodes, those of an export all alike in their beginnings cut to what tells them apart."""
    nodes = row["nodes"]
    shown = ", ".join(node.strip("/") for node in nodes[:NODES_SHOWN])
    return (f"{shown} + {len(nodes) - NODES_SHOWN}" if len(nodes) > NODES_SHOWN else shown) or row["makes"]


def _width(form: str) -> int:
    return int(form.partition(".")[0])
