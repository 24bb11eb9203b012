"""zcc export: variants in one file, for machines that have no registry."""

from __future__ import annotations

from pathlib import Path

import click

from zcc.commands.options import json_option, registry_option, variant_options
from zcc.commands.output import print_json, say


@click.command()
@click.argument("refs", nargs=-1, required=True, metavar="REF...")
@click.argument("file", metavar="FILE.zcc", type=click.Path(path_type=Path))
@variant_options
@registry_option
@json_option
def export(
    refs: tuple[str, ...], file: Path, dtype: str | None, target: str | None, registry: str | None, as_json: bool
) -> None:
    """Write every variant that the REFs mean to one file, with all it takes to run them.

    Detector.load("FILE.zcc") opens it where nothing but the thin runtime is installed. The variants are of one
    name, one of each dtype and target; --dtype and --target narrow them down.
    """
    from zcc.registry import Registry
    from zcc.registry.bundle import export_bundle

    written = export_bundle(Registry.open(registry), refs, file, dtype, target)
    size = file.stat().st_size
    if as_json:
        print_json({"bundle": str(file), "bytes": size, "digests": [artifact.digest for artifact in written]})
        return
    for artifact in written:
        say(f"exported {artifact.label}")
    say(f"{file}  {size / 1e6:.1f} MB")
