"""zcc pull: variants of an OCI registry into the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zcc.commands.options import json_option, registry_option, variant_options
from zcc.commands.output import print_json, say

if TYPE_CHECKING:
    from zcc.runtime.source import Candidate


@click.command()
@click.argument("address", metavar="oci://HOST/REPO:TAG")
@click.option("--name", metavar="NAME", help="Publish it under this name; its digest is then another, too.")
@click.option("--yes", is_flag=True, help="Pull also when a name that is there would come to mean something else.")
@variant_options
@registry_option
@json_option
def pull(
    address: str,
    name: str | None,
    yes: bool,
    dtype: str | None,
    target: str | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Publish every variant that a tag of an OCI registry means, under its own name and digest.

    Files that are here already are not fetched, and what broke off is gone on with. What comes is native code, which
    runs with your rights: pull from somebody you trust. It counts as imported, as the content of a bundle does.
    """
    from zcc.registry import Registry
    from zcc.registry.remotes.pull import pull as pull_from
    from zcc.runtime.remotes.address import parse

    def fits(candidate: Candidate) -> bool:
        manifest = candidate.manifest
        return dtype in (None, manifest.dtype) and target in (None, manifest.target)

    pulled = pull_from(Registry.open(registry), parse(address), name, yes, fits)
    if as_json:
        digests = [artifact.digest for artifact in pulled.artifacts]
        print_json({"address": address, "digests": digests, "bytes": pulled.moved})
        return
    for artifact in pulled.artifacts:
        say(f"pulled {artifact.label}")
    say(f"{pulled.moved / 1e6:.1f} MB fetched")
