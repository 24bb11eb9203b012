"""zcc verify: hash everything again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zcc.commands.options import json_option, registry_option
from zcc.commands.output import print_json, say

if TYPE_CHECKING:
    from zcc.registry.integrity import IntegrityReport


@click.command()
@registry_option
@json_option
@click.pass_context
def verify(context: click.Context, registry: str | None, as_json: bool) -> None:
    """Check the index, and hash every stored file; exits with 1 when anything is not as it should be.

    An orphan is an artifact whose folder is there and which the index does not know, though nobody removed it.
    """
    from zcc.registry import Registry

    report = Registry.open(registry).verify()
    if as_json:
        print_json(report.describe())
    else:
        for problem in report.problems:
            say(f"{problem.digest[:19] or 'index':<19}  {problem.path}: {problem.what}")
        for orphan in report.orphans:
            say(f"{orphan.digest[:19]:<19}  {orphan.path}: {orphan.what}")
        for stray in report.strays:
            say(f"{'stray':<19}  {stray.path}: {stray.what}")
        say(f"{report.artifacts} artifacts, {report.files} files, {report.bytes / 1e6:.1f} MB: {_verdict(report)}")
    context.exit(0 if report.ok else 1)


def _verdict(report: IntegrityReport) -> str:
    told = [
        *([f"{len(report.problems)} problems"] if report.problems else []),
        *([f"{len(report.orphans)} orphans, which zcc reindex takes back"] if report.orphans else []),
    ]
    return ", ".join(told) or "all sound"
