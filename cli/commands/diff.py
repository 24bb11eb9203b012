"""zcc diff: what differs between two artifacts."""

from __future__ import annotations

import click

from zcc.commands.options import json_option, read_pair, registry_option
from zcc.commands.output import print_json, say


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--dtype", callback=read_pair, metavar="A,B", help="The precision of each, or one word for both.")
@click.option("--target", callback=read_pair, metavar="A,B", help="The target of each, or one word for both.")
@registry_option
@json_option
def diff(
    a: str,
    b: str,
    dtype: tuple[str | None, str | None],
    target: tuple[str | None, str | None],
    registry: str | None,
    as_json: bool,
) -> None:
    """Tell in words what B has otherwise than A: model, input, precision, layers, kernels, figures.

    A and B are names, name:tag, digests, or paths of artifacts or bundles; of several variants the best for this
    machine is taken.
    """
    from zcc.commands.difference import differences
    from zcc.commands.pick import pick
    from zcc.registry import Registry

    opened = Registry.open(registry)
    one, other = (pick(opened, *each) for each in zip((a, b), dtype, target, strict=True))
    found = differences(one, other)
    if as_json:
        told = [each.describe() for each in found]
        print_json({"a": one.digest, "b": other.digest, "differences": told})
        return
    say(f"A  {one.label}")
    say(f"B  {other.label}")
    for each in found:
        say(f"   {each.told}")
    if not found:
        say("   the same in all that is compared" if one.digest != other.digest else "   the same artifact")
