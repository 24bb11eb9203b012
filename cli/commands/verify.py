"""zcc verify: hash everything again."""

from __future__ import annotations

import click

from zcc.commands.options import json_option, registry_option
from zcc.commands.output import print_json, say


@click.command()
@registry_option
@json_option
@click.pass_context
def verify(context: click.Context, registry: str | None, as_json: bool) -> None:
    """Hash every stored file and compare it with its manifest; exits with 1 when anything differs."""
    from zcc.registry import Registry

    report = Registry.open(registry).verify()
    if as_json:
        print_json(report.describe())
    else:
        for problem in report.problems:
            say(f"{problem.digest[:19] or 'index':<19}  {problem.path}: {problem.what}")
        verdict = f"{len(report.problems)} problems" if report.problems else "all sound"
        say(f"{report.artifacts} artifacts, {report.files} files, {report.bytes / 1e6:.1f} MB: {verdict}")
    context.exit(1 if report.problems else 0)
