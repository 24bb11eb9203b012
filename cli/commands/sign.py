"""zcc sign: vouch for an artifact."""

from __future__ import annotations

from pathlib import Path

import click

from zcc.commands.options import json_option, passphrase_option, registry_option, variant_options
from zcc.commands.output import print_json, say


@click.command()
@click.argument("ref")
@click.option(
    "--key", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The key that zcc keygen made."
)
@click.option("--builder", metavar="WHO", help="Who built it; the user who signs, by default.")
@passphrase_option
@variant_options
@registry_option
@json_option
def sign(
    ref: str,
    key: Path,
    builder: str | None,
    passphrase: bytes | None,
    dtype: str | None,
    target: str | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Sign every artifact that REF means, once its files were read and are what its manifest says.

    The signature is over the digest of the manifest, in an in-toto statement that names the model, the data, the
    tuning records and the versions of the tools. It is kept beside the artifact, and bundles and remotes carry it.
    """
    from zcc.registry import Registry
    from zcc.registry.signing import load_private_key

    opened, signer = Registry.open(registry), load_private_key(key, passphrase)
    found = opened.find(ref, dtype, target)
    opened.check_whole(found)
    for artifact in found:
        opened.add_envelopes(artifact.digest, [signer.sign(artifact.manifest, builder)])
    if as_json:
        print_json({"signed": [artifact.digest for artifact in found], "keyid": signer.keyid})
        return
    for artifact in found:
        say(f"signed {artifact.label} with key {signer.keyid[:12]}")
