"""Write docs/cli.md from the help of every command, so that the page never says what the program does not."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import click

from zcc.cli.main import COMMANDS, cli

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
WIDTH = 100
INTRODUCTION = """\
# The command line

Written by `make docs` from the commands' own help; edit it there.

Exit codes: 0 done, 1 the work failed, 2 wrong usage, 130 interrupted. An error is one line on stderr that says what
went wrong and the way out; `--debug` shows the traceback. With `--json`, stdout carries one JSON document and nothing
else.
"""


def render_page() -> str:
    """The whole page, one section per command, in the order of `zcc --help`."""
    root = click.Context(cli, info_name="zcc", terminal_width=WIDTH, max_content_width=WIDTH)
    sections = [INTRODUCTION, _block("zcc", cli.get_help(root))]
    for name in (name for names in COMMANDS.values() for name in names):
        command = cli.get_command(root, name)
        assert command is not None, f"the table lists {name}, but the group does not know it"
        context = click.Context(
            command, info_name=name, parent=root, terminal_width=WIDTH, max_content_width=WIDTH
        )
        sections.append(_block(f"zcc {name}", command.get_help(context)))
    return "\n".join(sections)


def _block(title: str, text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"## {title}\n\n```\n{lines}\n```\n"


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
