"""Write docs/cli.md from the commands themselves, so that the page never says what the program does not."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from zcc.commands.examples import EXAMPLES
from zcc.commands.main import COMMANDS, cli

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
INTRODUCTION = """\
# The command line

Written by `make docs` from the commands themselves; edit it there.

Every command also takes `--debug` (show the traceback of an error) and `--help`. With `--json`, stdout holds
one JSON document and nothing else. Exit codes: 0 done, 1 the work failed, 2 wrong usage, 130 interrupted.
An error is one line on stderr that names the cause and the way out.
"""


def render_page() -> str:
    """The whole page: a section per heading of `zcc --help`, a subsection per command."""
    context = click.Context(cli, info_name="zcc")
    lines = [INTRODUCTION]
    for heading, names in COMMANDS.items():
        lines.append(f"## {heading}\n")
        for name in names:
            command = cli.get_command(context, name)
            assert command is not None, f"the table lists {name}, but the group does not know it"
            lines.extend(_section(name, command))
    return "\n".join(lines)


def _section(name: str, command: click.Command) -> Iterator[str]:
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden and p.name != "debug"]
    yield f"### zcc {name}{''.join(' ' + _placeholder(a) for a in arguments)}\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    yield "\n".join(["```", *EXAMPLES[name], "```\n"])
    if options:
        yield "| option | meaning |\n| --- | --- |"
        yield from (_row(option) for option in options)
        yield ""


def _placeholder(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    name += "..." if argument.nargs == -1 and not name.endswith("...") else ""
    return name if argument.required else f"[{name}]"


def _row(option: click.Option) -> str:
    spelling = ", ".join(option.opts + option.secondary_opts)
    value = "" if option.is_flag else f" {_value(option)}"
    meaning = " ".join((option.help or "").split())
    return f"| `{spelling}{value}` | {meaning}{_default(option)} |"


def _value(option: click.Option) -> str:
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "\\|".join(map(str, option.type.choices))
    return option.type.name.upper()


def _default(option: click.Option) -> str:
    default = option.to_info_dict()["default"]
    if option.is_flag or default in (None, ()):
        return ""
    return f" Default: {', '.join(default) if isinstance(default, tuple) else default}."


def main() -> None:
    """Write the page, or with --check only say whether it is up to date."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check", action="store_true")
    page = render_page()
    if not parser.parse_args().check:
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        sys.exit(f"error: docs/{PAGE.name} is out of date; run make docs")


if __name__ == "__main__":
    main()
