"""zcc remote list: what an OCI registry holds."""

from __future__ import annotations

from collections.abc import Iterable

import click

from zcc.commands.options import json_option
from zcc.commands.output import print_json, say
from zcc.runtime.escaping import escaped


@click.command()
@click.argument("action", type=click.Choice(["list"]), metavar="list")
@click.argument("address", metavar="oci://HOST[/REPO]")
@json_option
def remote(action: str, address: str, as_json: bool) -> None:
    """List the repositories of an OCI registry, or the tags of a repository with the variants that each means."""
    from zcc.registry.remotes.listing import list_repositories, list_tags
    from zcc.runtime.remotes.address import parse_host

    place = parse_host(address)
    if not place.repository:
        repositories = list_repositories(place)
        if as_json:
            print_json({"repositories": repositories})
        else:
            _say_all(repositories)
        return
    tags = list_tags(place)
    if as_json:
        print_json({"repository": place.repository, "tags": [tagged.describe() for tagged in tags]})
        return
    for tagged in tags:
        variants = tagged.describe()["variants"]
        say(f"{escaped(tagged.tag)}  {tagged.digest[:19]}")
        _say_all(f"  {each['name']} {each['dtype']} {each['target']}  {each['digest'][:19]}" for each in variants)


def _say_all(lines: Iterable[str]) -> None:
    for line in lines:
        say(escaped(line))
