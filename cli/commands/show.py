"""zcc show: everything known about one artifact."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from zcc.commands.options import json_option, registry_option, variant_options
from zcc.commands.output import print_json, say_lines
from zcc.runtime.escaping import escaped

LABEL_WIDTH = 20
LONG_NUMBER = 100_000  # from here on, digits are grouped
# The order people read in; whatever else the description holds comes after these.
FIRST = ("name", "digest", "tags", "dtype", "target", "input", "head", "classes", "measured", "sizes")
LEFT_OUT = ("files",)  # told by `sizes`, and in full by --json


@click.command()
@click.argument("ref")
@click.option("--full", is_flag=True, help="Show everything known about it, every kernel, too.")
@variant_options
@registry_option
@json_option
def show(ref: str, full: bool, dtype: str | None, target: str | None, registry: str | None, as_json: bool) -> None:
    """Show what the artifact REF is, how fast and how accurate, what it was made of and how to run it.

    REF is a name, name:tag, name@sha256:…, a digest or its beginning, or the path of an artifact or a bundle, which has
    a / in it or ends in .zcc. Of several variants, the best for this machine is shown.
    """
    from zcc.commands.describe import description_of
    from zcc.commands.page import page
    from zcc.commands.pick import pick
    from zcc.registry import Registry

    opened = Registry.open(registry)
    artifact = pick(opened, ref, dtype, target)
    said = description_of(opened, artifact)
    told = {**artifact.describe(), **({"description": said} if said else {})}
    if as_json:
        print_json(told)
    else:
        say_lines("\n".join(lines(told) if full else page(artifact, ref, said)))


def lines(described: Mapping[str, Any]) -> Iterator[str]:
    """The description as aligned lines, nested values indented under their label."""
    order = [*FIRST, *(key for key in described if key not in FIRST)]
    for key in order:
        if key not in LEFT_OUT:
            yield from _entry(key, described[key], depth=0)


def _entry(key: str, value: Any, depth: int) -> Iterator[str]:
    label = "  " * depth + escaped(key)
    if isinstance(value, Mapping) and value:
        yield label
        for name, inner in value.items():
            yield from _entry(str(name), inner, depth + 1)
    elif _is_list_of_mappings(value):
        yield label
        for item in value:
            yield from _wrapped("  " * (depth + 1) + ", ".join(_sentence(item)))
    else:
        yield from _wrapped(f"{label:<{LABEL_WIDTH}} {_plain(value)}")


def _wrapped(line: str) -> list[str]:
    """A long line as several, the rest of it under its value."""
    width = shutil.get_terminal_size().columns
    rest = " " * (LABEL_WIDTH + 1)
    return textwrap.wrap(line, width, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)


def _is_list_of_mappings(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _sentence(item: Mapping[str, Any]) -> Iterator[str]:
    for key, value in item.items():
        yield f"{escaped(key)} {_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= LONG_NUMBER else str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_plain, value)) or "-"
    return "-" if value is None or value == {} else escaped(str(value))
