"""zcc gc: free what no artifact needs."""

from __future__ import annotations

import click

from zcc.commands.options import json_option, refuse_nan, registry_option
from zcc.commands.output import print_json, say
from zcc.runtime.wording import counted


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be freed, and free nothing.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    callback=refuse_nan,
    default=0,
    metavar="SECONDS",
    help="Spare what is younger; for file systems whose locks do not reach other machines.",
)
@click.option("--orphans", is_flag=True, help="Also free artifacts that the index does not know and nobody removed.")
@click.option(
    "--orphan-days",
    type=click.FloatRange(min=0),
    callback=refuse_nan,
    default=7,
    metavar="DAYS",
    help="With --orphans: keep those that are younger.",
)
@click.option(
    "--keep-last",
    type=click.IntRange(min=1),
    metavar="N",
    help="First remove all but the last N builds of each name, dtype and target; not what tags hold or would roll "
    "back to, nor what a detector runs from.",
)
@registry_option
@json_option
def gc(
    dry_run: bool,
    grace: float,
    orphans: bool,
    orphan_days: float,
    keep_last: int | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Free the files of removed artifacts and of interrupted builds.

    A damaged index is not believed, and nothing is freed. An artifact that nobody removed and that the index does not
    know, as when an older index was restored, is kept; `zcc reindex` takes it back. What a detector runs from stays.
    """
    from zcc.registry import Registry
    from zcc.registry.garbage import Spared

    freed = Registry.open(registry).gc(Spared(grace, not orphans, orphan_days), dry_run, keep_last).describe()
    if as_json:
        print_json({**freed, "dry_run": dry_run})
        return
    verb = "would free" if dry_run else "freed"
    say(
        f"{verb} {freed['bytes'] / 1e6:.1f} MB: {counted(freed['folders'], 'removed artifact')}, "
        f"{counted(freed['files'], 'file')}, {counted(freed['staged'], 'leftover')} of interrupted work"
    )
    for stray in freed["left_alone"]:
        say(f"left alone: {stray['path']} {stray['what']}")
    for folder in freed["in_use"]:
        say(f"kept: {folder}, a detector runs from it")
    if freed["orphans"]:
        kept = counted(len(freed["orphans"]), "artifact")
        say(f"kept: {kept} that the index does not know; zcc reindex takes back what is sound")
