"""zcc describe: a word about an artifact, for whoever finds it later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zcc.commands.options import json_option, registry_option, variant_options
from zcc.commands.output import print_json, say
from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from zcc.registry import Artifact, Registry

KIND = "description"
LONGEST = 1000  # characters


@click.command()
@click.argument("ref")
@click.argument("text", required=False)
@variant_options
@registry_option
@json_option
def describe(
    ref: str, text: str | None, dtype: str | None, target: str | None, registry: str | None, as_json: bool
) -> None:
    """Say what the artifact REF is for, in a line that `zcc show` shows; without TEXT, tell what was said.

    An empty TEXT takes the line away. It stays in this registry, and goes with the artifact when that is freed.
    """
    from zcc.commands.pick import pick
    from zcc.registry import Registry

    if text is not None and len(text) > LONGEST:
        raise click.BadParameter(f"it has {len(text)} characters, more than {LONGEST}", param_hint="TEXT")
    opened = Registry.open(registry)
    artifact = pick(opened, ref, dtype, target)
    if text is not None:
        _keep(opened, artifact, " ".join(text.split()))
    said = description_of(opened, artifact)
    if as_json:
        print_json({"name": artifact.manifest.name, "digest": artifact.digest, "description": said})
    else:
        say(escaped(said) if said else f"nobody described {artifact.manifest.name} {artifact.manifest.dtype}")


def description_of(registry: Registry, artifact: Artifact) -> str:
    """What was said of an artifact last, nothing where nothing was."""
    from zcc.registry.kept_results import KeptResults

    found = KeptResults(registry.home).of(artifact.digest, KIND)
    text = found[-1].get("text", "") if found else ""
    return text if isinstance(text, str) else ""


def _keep(registry: Registry, artifact: Artifact, text: str) -> None:
    from zcc.registry.kept_results import KeptResults
    from zcc.runtime.errors import NotFound

    if not registry.holds(artifact.digest):
        raise NotFound(f"{registry} does not hold {artifact.manifest.name}", "zcc import FILE.zcc publishes it there")
    KeptResults(registry.home).keep(artifact.digest, KIND, {"text": text})
