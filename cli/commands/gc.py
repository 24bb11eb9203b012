"""zcc gc: free what no artifact needs."""

from __future__ import annotations

import click

from zcc.commands.options import json_option, registry_option
from zcc.commands.output import print_json, say


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be freed, and free nothing.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Spare what is younger; for file systems whose locks do not reach other machines.",
)
@registry_option
@json_option
def gc(dry_run: bool, grace: float, registry: str | None, as_json: bool) -> None:
    """Free the files of removed artifacts and of interrupted builds."""
    from zcc.registry import Registry

    freed = Registry.open(registry).gc(grace, dry_run).describe()
    if as_json:
        print_json({**freed, "dry_run": dry_run})
        return
    verb = "would free" if dry_run else "freed"
    say(
        f"{verb} {freed['bytes'] / 1e6:.1f} MB: {freed['folders']} removed artifacts, "
        f"{freed['files']} files, {freed['staged']} leftovers of interrupted work"
    )
