"""zcc keygen: a key to sign artifacts with."""

from __future__ import annotations

from pathlib import Path

import click

from zcc.commands.options import json_option, passphrase_option, registry_option
from zcc.commands.output import print_json, say


@click.command()
@click.argument("name", type=click.Path(path_type=Path), metavar="NAME")
@passphrase_option
@registry_option
@json_option
def keygen(name: Path, passphrase: bytes | None, registry: str | None, as_json: bool) -> None:
    """Make an Ed25519 key: NAME.key signs and stays with you, NAME.pub goes into policies.

    A key that is there is never overwritten.
    """
    from zcc.registry.signing import load_private_key, make_key

    private, public = make_key(name, passphrase)
    keyid = load_private_key(private, passphrase).keyid
    if as_json:
        print_json({"private": str(private), "public": str(public), "keyid": keyid})
        return
    say(f"{private} signs; keep it to yourself")
    say(f"{public} verifies: key {keyid[:12]}")
