"""zcc doctor: what this machine can compile for and run, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from zcc.commands.options import json_option, registry_option
from zcc.commands.output import print_json, reserved_stdout, say

if TYPE_CHECKING:
    from zcc.commands.health import Finding

STYLES = {"ok": "green", "missing": "red", "optional": "yellow"}


@click.command()
@registry_option
@json_option
@click.pass_context
def doctor(context: click.Context, registry: str | None, as_json: bool) -> None:
    """Say what this machine can compile for and run, and what is missing.

    Exits with 1 when something is missing that zcc cannot do without.
    """
    from zcc.commands.health import Need, examine

    with reserved_stdout():
        findings = examine(registry)
    lacking = {finding.needed_to for finding in findings}
    can = {"run": Need.RUN not in lacking, "compile": lacking <= {Need.NOTHING}}
    if as_json:
        print_json({"can": can, "findings": [asdict(finding) for finding in findings]})
    else:
        _print_report(findings, can)
    context.exit(0 if all(can.values()) else 1)


def _print_report(findings: Sequence[Finding], can: Mapping[str, bool]) -> None:
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        say(f"{finding.status.value:<9}", newline=False, fg=STYLES[finding.status.value])
        remedy = f"; {finding.remedy}" if finding.remedy else ""
        say(f" {finding.subject:<{width}}  {finding.detail}{remedy}")
    verdict = " and ".join(f"{'can' if able else 'cannot'} {verb}" for verb, able in can.items())
    say(f"this machine {verdict}")
