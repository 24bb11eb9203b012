"""zcc rm: remove artifacts."""

from __future__ import annotations

import click

from zcc.commands.options import json_option, registry_option, variant_options
from zcc.commands.output import print_json, say


@click.command()
@click.argument("ref")
@click.option("--all", "every", is_flag=True, help="Remove everything REF can mean, a name's older builds too.")
@click.option("--force", is_flag=True, help="Remove also what tags hold, and take it out of them.")
@variant_options
@registry_option
@json_option
def rm(
    ref: str,
    every: bool,
    force: bool,
    dtype: str | None,
    target: str | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Remove the artifact REF; `zcc gc` then frees its files."""
    from zcc.registry import Registry

    removed = Registry.open(registry).remove(ref, dtype, target, every=every, force=force)
    if as_json:
        print_json({"removed": [artifact.digest for artifact in removed]})
        return
    for artifact in removed:
        say(f"removed {artifact.label}")
    say("zcc gc frees the files")
