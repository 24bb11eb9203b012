"""zcc untag: take a tag away."""

from __future__ import annotations

import click

from zcc.commands.options import json_option, message_option, need_tag, registry_option, tag_arguments


@click.command()
@tag_arguments
@message_option
@registry_option
@json_option
def untag(name: str, tag: str | None, message: str | None, registry: str | None, as_json: bool) -> None:
    """Take a tag away; its history stays, and `zcc rollback` brings it back."""
    from zcc.commands.moves import report
    from zcc.registry import Registry

    report(Registry.open(registry).untag(*need_tag(name, tag), message), as_json)
