"""zcc import: the variants of a bundle into a registry."""

from __future__ import annotations

from pathlib import Path

import click

from zcc.commands.options import json_option, registry_option
from zcc.commands.output import print_json, say


@click.command("import")
@click.argument("file", metavar="FILE.zcc", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="Publish it under this name; its digest is then another, too.")
@click.option("--yes", is_flag=True, help="Import also when a name that is there would come to mean something else.")
@registry_option
@json_option
def import_(file: Path, name: str | None, yes: bool, registry: str | None, as_json: bool) -> None:
    """Publish every variant that `zcc export` wrote to FILE.zcc, under its own name and digest.

    A bundle holds native code, which runs with your rights: import what comes from somebody you trust. Its figures were
    measured elsewhere: they are marked, and do not decide what runs where anything was built or measured here.
    """
    from zcc.registry import Registry
    from zcc.registry.bundle import import_bundle
    from zcc.runtime.bundle import Bundle

    published = import_bundle(Registry.open(registry), Bundle(file), name, changing=yes)
    if as_json:
        print_json({"digests": [artifact.digest for artifact in published]})
        return
    for artifact in published:
        say(f"imported {artifact.label}")
