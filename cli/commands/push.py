"""zcc push: variants to a tag of an OCI registry."""

from __future__ import annotations

import click

from zcc.commands.options import json_option, registry_option, variant_options
from zcc.commands.output import print_json, say


@click.command()
@click.argument("refs", nargs=-1, required=True, metavar="REF...")
@click.argument("address", metavar="oci://HOST/REPO:TAG")
@click.option("--add", is_flag=True, help="Keep what the tag means, but for variants of these dtypes and targets.")
@variant_options
@registry_option
@json_option
def push(
    refs: tuple[str, ...],
    address: str,
    add: bool,
    dtype: str | None,
    target: str | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Let a tag of an OCI registry mean every variant that the REFs mean, of one name.

    What is there already is not sent, what breaks off is gone on with, and the tag moves at the end. Logins are those
    of docker and podman. Without :TAG it is `latest`; oci+http:// does without TLS.
    """
    from zcc.registry import Registry
    from zcc.registry.remotes.push import push as push_to
    from zcc.runtime.remotes.address import parse

    place, opened = parse(address), Registry.open(registry)
    found = {artifact.digest: artifact for ref in refs for artifact in opened.find(ref, dtype, target)}
    pushed = push_to(opened, list(found.values()), place, add)
    if as_json:
        digests = [artifact.digest for artifact in pushed.artifacts]
        print_json({"address": address, "digest": pushed.digest, "digests": digests, "bytes": pushed.moved})
        return
    for artifact in pushed.artifacts:
        say(f"pushed {artifact.label}")
    beside = f", beside {pushed.kept} that were there" if pushed.kept else ""
    say(f"{pushed.address}  {pushed.digest[:19]}  {pushed.moved / 1e6:.1f} MB sent{beside}")
