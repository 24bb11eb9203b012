"""zcc report: what the registry knows, as one page to look at and to pass on."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import click

from zcc.commands.options import json_option, registry_option
from zcc.commands.output import print_json, reserved_stdout, say
from zcc.runtime.wording import counted


@click.command()
@click.argument("name", required=False)
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    default="report.html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the page goes.",
)
@click.option(
    "--pictures",
    multiple=True,
    metavar="PATH",
    type=click.Path(path_type=Path, exists=True),
    help="A picture or a folder of them, to show what each variant finds there; eight at most.",
)
@click.option(
    "--with",
    "documents",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What zcc bench, profile, compare or adapt printed with --json, to be drawn.",
)
@click.option("--conf", type=click.FloatRange(0, 1), default=0.25, help="Least score of what is shown on the pictures.")
@click.option("--iou", type=click.FloatRange(0, 1), default=0.45, help="Most overlap of boxes of a class.")
@registry_option
@json_option
def report(
    name: str | None,
    output: Path,
    pictures: tuple[Path, ...],
    documents: tuple[Path, ...],
    conf: float,
    iou: float,
    registry: str | None,
    as_json: bool,
) -> None:
    """Write one page about every variant of NAME, or about all there is: speed, accuracy, history, provenance.

    NAME may have * and ? in it. The page is one file that loads nothing: it opens from disk, sorts, filters, and
    prints. What nobody measured is left out, and the page says what would measure it.
    """
    from zcc.registry import Registry
    from zcc.runtime.aside import written_out
    from zcc.web.report.evidence import read_evidence
    from zcc.web.report.gather import gather
    from zcc.web.report.page import page
    from zcc.web.report.pictures import look

    opened = Registry.open(registry)
    told = gather(opened, name)
    evidence = read_evidence(documents, opened.home, [each.artifact.digest for each in told.entries])
    with reserved_stdout():
        gallery = look(opened, told, pictures, (conf, iou)) if pictures else None
    text = page(told, evidence, gallery, datetime.now(timezone.utc)).encode()
    with written_out(output, "choose another place with -o") as file:
        file.write(text)
    if as_json:
        print_json({"file": str(output), "bytes": len(text), "variants": len(told.entries), "names": told.names})
    else:
        say(f"{output}: {counted(len(told.entries), 'variant')}, {len(text) / 1e6:.2f} MB")
