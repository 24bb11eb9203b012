"""zcc tag: give artifacts a name that can move."""

from __future__ import annotations

import click

from zcc.commands.options import json_option, message_option, registry_option, variant_options


@click.command()
@click.argument("ref")
@click.argument("tag")
@message_option
@variant_options
@registry_option
@json_option
def tag(
    ref: str,
    tag: str,
    message: str | None,
    dtype: str | None,
    target: str | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Move TAG to exactly the artifacts that REF means, all at once.

    Where REF has several variants the tag holds them all; --dtype and --target choose. A protected tag takes only
    what its policy lets through (`zcc protect`).
    """
    from zcc.commands.moves import report
    from zcc.registry import Registry

    word = _under_own_name(ref, tag)
    report(Registry.open(registry).tag(ref, word, dtype, target, message), as_json)


def _under_own_name(ref: str, tag: str) -> str:
    """The tag itself; it may be written after the artifact's name, but after no other."""
    from zcc.registry.reference import Reference
    from zcc.runtime.errors import UsageError

    name, colon, word = tag.rpartition(":")
    if colon and name != Reference.parse(ref).name:
        raise UsageError(f"{ref} cannot be tagged as {tag}: a tag belongs to one name", f"write zcc tag {ref} {word}")
    return word
