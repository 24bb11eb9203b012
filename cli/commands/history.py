"""zcc history: where a tag has been."""

from __future__ import annotations

import click

from zcc.commands.options import json_option, registry_option, split_tag, tag_arguments
from zcc.commands.output import print_json, say


@click.command()
@tag_arguments
@registry_option
@json_option
def history(name: str, tag: str | None, registry: str | None, as_json: bool) -> None:
    """Show every move of a tag, or of all the tags of a name, the last first.

    When, by whom, from where to where, and why.
    """
    from zcc.commands.moves import line
    from zcc.registry import Registry

    moves = Registry.open(registry).history(*split_tag(name, tag))
    if as_json:
        print_json([move.describe() for move in moves])
        return
    for move in moves:
        say(line(move))
