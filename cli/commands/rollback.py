"""zcc rollback: move a tag back."""

from __future__ import annotations

import click

from zcc.commands.options import json_option, message_option, need_tag, registry_option, tag_arguments


@click.command()
@tag_arguments
@message_option
@registry_option
@json_option
def rollback(name: str, tag: str | None, message: str | None, registry: str | None, as_json: bool) -> None:
    """Move a tag to where it was before its last move; again, to where it was before that.

    What the policy of a protected tag refuses by now does not come back.
    """
    from zcc.commands.moves import report
    from zcc.registry import Registry

    report(Registry.open(registry).rollback(*need_tag(name, tag), message), as_json)
