"""zcc list: everything in the registry."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from zcc.commands.options import json_option, registry_option
from zcc.commands.output import cells, print_json, print_rich, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from zcc.registry import Artifact, Unreadable

# Least seconds -> seconds per unit, and its name; the first row that fits tells an age.
AGES = ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (120, 60, "min"), (0, 1, "s"))
DIGEST_DIGITS = 8


@click.command()
@registry_option
@json_option
def list(registry: str | None, as_json: bool) -> None:
    """List what the registry holds, the last published first.

    Milliseconds in brackets were measured elsewhere. mAP is the mAP50-95 that was measured last, against labels; where
    nobody had any, ~ marks agreement with what another variant finds. Below stands which variants are slower than a
    more accurate one of the same name.
    """
    from zcc.registry import Artifact, Registry, Unreadable
    from zcc.registry.overtaken import overtaken

    opened = Registry.open(registry)
    found = opened.listed()
    if as_json:
        print_json([artifact.describe() for artifact in found])
    elif not found:
        say(f"nothing in {opened} yet; zcc compile MODEL.onnx publishes there")
    else:
        print_rich(_table(found))
        for bad in (each for each in found if isinstance(each, Unreadable)):
            say(f"cannot be read: {bad.name} {bad.digest}: {bad.why}")
        for line in overtaken(each for each in found if isinstance(each, Artifact)):
            say(f"note: {line}")


def _table(found: Sequence[Artifact | Unreadable]) -> Table:
    from rich.table import Table

    from zcc.registry import Artifact

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("name", "tags", "dtype", "target", "input"):
        table.add_column(title, overflow="fold", no_wrap=title in ("dtype", "input"))
    for title in ("MB", "mAP", "ms", "age"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("digest", no_wrap=True)
    for artifact in (each for each in found if isinstance(each, Artifact)):
        table.add_row(*cells(_cells(artifact)))
    return table


def _cells(artifact: Artifact) -> tuple[str, ...]:
    manifest = artifact.manifest
    return (
        manifest.name,
        " ".join(artifact.tags),
        manifest.dtype,
        manifest.target,
        f"{manifest.input.width}x{manifest.input.height}",
        f"{manifest.sizes['total'] / 1e6:.1f}",
        _accuracy(artifact),
        _latency(artifact),
        age(manifest.created),
        artifact.short[:DIGEST_DIGITS],
    )


def _latency(artifact: Artifact) -> str:
    """The latency; in brackets when it was measured elsewhere."""
    told = _figure(artifact.figure("latency_ms"), ".1f")
    return f"({told})" if artifact.candidate.claims("latency_ms") else told


def _accuracy(artifact: Artifact) -> str:
    agreement = _figure(artifact.figure("agreement50_95"), ".3f")
    return _figure(artifact.figure("map50_95"), ".3f") or (agreement and f"~{agreement}")


def _figure(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def age(created: str, now: datetime | None = None) -> str:
    """How long ago a moment was, in one unit; what is no moment is told as it is."""
    try:
        moment = datetime.fromisoformat(created.replace("Z", "+00:00"))
    except ValueError:
        return created[:10]
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    elapsed = ((now or datetime.now(timezone.utc)) - moment).total_seconds()
    seconds = max(0, int(elapsed))
    return next(f"{seconds // unit} {name}" for least, unit, name in AGES if seconds >= least)
