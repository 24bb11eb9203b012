"""zcc protect: what a tag asks of the artifacts that it takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zcc.commands.options import json_option, message_option, registry_option
from zcc.commands.output import print_json, say, say_lines

if TYPE_CHECKING:
    from zcc.registry.gates import Gate


@click.command()
@click.argument("tag", metavar="[NAME:TAG]", required=False)
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE", help="What the tag asks for from now on.")
@click.option("--off", is_flag=True, help="Let the tag take everything again.")
@message_option
@registry_option
@json_option
def protect(
    tag: str | None, policy: Path | None, off: bool, message: str | None, registry: str | None, as_json: bool
) -> None:
    """Protect NAME:TAG by a policy, or show what protected tags ask for.

    A protected tag takes only artifacts that its policy lets through, and they are run by that tag only as long as it
    does: it is asked when the tag moves, when it is rolled back and whenever something is loaded by it. *:TAG (in
    quotes) protects that tag of every name.
    """
    from zcc.registry import Registry
    from zcc.registry.gates import EVERY
    from zcc.registry.reference import check_name, check_tag
    from zcc.runtime.trust.policy import read_policy

    opened = Registry.open(registry)
    if tag is None:
        if policy is not None or off:
            raise click.UsageError("which tag? write NAME:TAG")
        _show(opened.gates(), as_json)
        return
    name, _, word = tag.partition(":")
    check_tag(word)
    if name != EVERY:
        check_name(name)
    if policy is None and not off:
        _show([gate for gate in opened.gates() if gate.label == tag], as_json)
        return
    if policy is not None and off:
        raise click.UsageError("either --policy or --off")
    gate = opened.protect(name, word, None if policy is None else read_policy(policy), message)
    if as_json:
        print_json(gate.describe())
    else:
        say(f"{gate.label} {'takes everything' if gate.policy is None else 'takes what the policy lets through'}")


def _show(gates: list[Gate], as_json: bool) -> None:
    if as_json:
        print_json([gate.describe() for gate in gates])
    for gate in () if as_json else gates:
        said = f": {gate.message}" if gate.message else ""
        say(f"{gate.label}, by {gate.who} at {gate.changed}{said}")
        say_lines(gate.policy or "")
    if not gates and not as_json:
        say("no tag is protected")
