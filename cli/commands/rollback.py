"""zcc rollback: move a tag back."""

from __future__ import annotations

import click

from zcc.commands.options import json_option, need_tag, registry_option, tag_arguments


@click.command()
@tag_arguments
@registry_option
@json_option
def rollback(name: str, tag: str | None, registry: str | None, as_json: bool) -> None:
    """Move a tag to where it was before its last move; again, to where it was before that."""
    from zcc.commands.moves import report
    from zcc.registry import Registry

    report(Registry.open(registry).rollback(*need_tag(name, tag)), as_json)
