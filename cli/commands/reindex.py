"""zcc reindex: the index, from the artifacts' folders."""

from __future__ import annotations

import click

from zcc.commands.options import json_option, registry_option
from zcc.commands.output import print_json, say
from zcc.runtime.wording import counted


@click.command()
@click.option("--anew", is_flag=True, help="Put the index aside, damaged or not, and make a new one.")
@click.option("--adopt", is_flag=True, help="Take over the files of another index, which is gone for good.")
@registry_option
@json_option
def reindex(anew: bool, adopt: bool, registry: str | None, as_json: bool) -> None:
    """Take back every artifact that lies whole in its folder and that nobody removed.

    For an index that was lost, or of which an older copy was restored. What was in the lost index alone does not come
    back: tags with their history, figures measured later, what was removed, the order of publishing.
    """
    from zcc.registry import Registry

    rebuilt = Registry.open(registry).reindex(anew, adopt)
    if as_json:
        print_json(rebuilt.describe())
        return
    if rebuilt.put_aside is not None:
        say(f"the old index lies in {rebuilt.put_aside}")
    for word, manifests in (("taken back", rebuilt.taken), ("mended", rebuilt.mended)):
        for manifest in manifests:
            say(f"{word}: {manifest.name} {manifest.dtype} {manifest.target} {manifest.digest[:19]}")
    for left in rebuilt.left:
        say(f"left alone: {left.path}: {left.why}")
    say(f"{counted(len(rebuilt.taken), 'artifact')} taken back, {counted(len(rebuilt.mended), 'row')} mended")
    if rebuilt.taken or rebuilt.put_aside is not None:
        say(f"not back: {rebuilt.lost}")
