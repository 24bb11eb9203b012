"""zcc import: the variants of a bundle into a registry."""

from __future__ import annotations

from pathlib import Path

import click

from zcc.commands.options import json_option, registry_option
from zcc.commands.output import print_json, say


@click.command("import")
@click.argument("file", metavar="FILE.zcc", type=click.Path(path_type=Path))
@registry_option
@json_option
def import_(file: Path, registry: str | None, as_json: bool) -> None:
    """Publish every variant that `zcc export` wrote to FILE.zcc, under its own name and digest."""
    from zcc.registry import Registry
    from zcc.registry.bundle import import_bundle
    from zcc.runtime.bundle import Bundle

    published = import_bundle(Registry.open(registry), Bundle(file))
    if as_json:
        print_json({"digests": [artifact.digest for artifact in published]})
        return
    for artifact in published:
        say(f"imported {artifact.label}")
