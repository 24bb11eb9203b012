"""zcc completion: the script that teaches a shell to complete zcc."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from zcc.commands.output import say_lines

SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print a completion script for bash, zsh or fish.

    Load it from the shell's start-up file: eval "$(zcc completion bash)", the same for zsh, and
    zcc completion fish | source for fish.
    """
    from zcc.commands.main import cli

    say_lines(SHELLS[shell](cli, {}, "zcc", "_ZCC_COMPLETE").source())
