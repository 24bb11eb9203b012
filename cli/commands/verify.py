"""zcc verify: hash everything again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.options import json_option, registry_option, variant_options
from zcc.commands.output import print_json, say
from zcc.runtime.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zcc.registry import Registry
    from zcc.registry.integrity import IntegrityReport


@click.command()
@click.argument("ref", required=False)
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE", help="What REF has to be.")
@variant_options
@registry_option
@json_option
@click.pass_context
def verify(
    context: click.Context,
    ref: str | None,
    policy: Path | None,
    dtype: str | None,
    target: str | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Check the index, and hash every stored file; or hold REF to a policy. Exits with 1 when anything is not as it
    should be.

    REF is a name, name:tag, a digest, or the path of an artifact or a bundle. An orphan is an artifact whose folder is
    there and which the index does not know, though nobody removed it.
    """
    from zcc.registry import Registry

    if (ref is None) != (policy is None):
        raise click.UsageError("REF and --policy go together")
    opened = Registry.open(registry)
    if ref is not None and policy is not None:
        judged = _judge(opened, ref, policy, dtype, target)
        _tell(judged, as_json)
        context.exit(0 if all(each["ok"] for each in judged) else 1)
    report = opened.verify()
    if as_json:
        print_json(report.describe())
    else:
        for problem in report.problems:
            say(f"{problem.digest[:19] or 'index':<19}  {problem.path}: {problem.what}")
        for orphan in report.orphans:
            say(f"{orphan.digest[:19]:<19}  {orphan.path}: {orphan.what}")
        for stray in report.strays:
            say(f"{'stray':<19}  {stray.path}: {stray.what}")
        seen = f"{counted(report.artifacts, 'artifact')}, {counted(report.files, 'file')}"
        say(f"{seen}, {report.bytes / 1e6:.1f} MB: {_verdict(report)}")
    context.exit(0 if report.ok else 1)


def _judge(opened: Registry, ref: str, policy: Path, dtype: str | None, target: str | None) -> Sequence[dict[str, Any]]:
    """What the policy says of every variant, once its files were read and are what its manifest says."""
    from zcc.commands.pick import folder_of, meant
    from zcc.runtime.artifact_files import check_files
    from zcc.runtime.trust.judge import objections, signers
    from zcc.runtime.trust.policy import load_policy

    read = load_policy(policy)
    judged = []
    for artifact in meant(opened, ref, dtype, target):
        check_files(folder_of(opened, ref, artifact), artifact.manifest)
        found = objections(artifact.candidate, read)
        believed = [key.name for key in signers(artifact.candidate, read)[0]] if read.keys else []
        what = {"digest": artifact.digest, "label": artifact.label, "ok": not found}
        judged.append({**what, "objections": found, "signed_by": believed})
    return judged


def _tell(judged: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(judged)
        return
    for each in judged:
        by = f", signed by {', '.join(each['signed_by'])}" if each["signed_by"] else ""
        say(f"{each['label']}: {'as the policy asks' if each['ok'] else '; '.join(each['objections'])}{by}")


def _verdict(report: IntegrityReport) -> str:
    told = [
        *([counted(len(report.problems), "problem")] if report.problems else []),
        *([f"{counted(len(report.orphans), 'orphan')}, which zcc reindex takes back"] if report.orphans else []),
    ]
    return ", ".join(told) or "all sound"
