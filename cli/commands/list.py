"""zcc list: what is in the registry, as a table, JSON or CSV."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.ages import age, read_moment
from zcc.commands.columns import table
from zcc.commands.options import json_option, read_words, refuse_nan, registry_option
from zcc.commands.output import print_json, say, say_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from zcc.registry.browsing import Browsing
    from zcc.registry.listing import Listed, ListFilter, Listing

DIGEST_DIGITS = 8
MOST_NOTED = 20  # artifacts that notes are made of: it takes reading their manifests whole

SORTS = ("published", "name", "created", "size", "map", "ms")  # of zcc.registry.listing

TITLES = ("name", "tags", "dtype", "target", "input", "MB", "mAP", "ms", "age", "digest", "note")
RIGHT = ("MB", "mAP", "ms", "age")
YIELDING = ("name", "tags", "target", "note")


@click.command()
@click.argument("pattern", required=False)
@click.option("--dtype", "dtypes", multiple=True, callback=read_words, metavar="DTYPE", help="In these precisions.")
@click.option("--target", metavar="PATTERN", help="For these targets; * and ? stand for any letters.")
@click.option("--tag", metavar="TAG", help="That bear this tag.")
@click.option("--since", callback=read_moment, metavar="MOMENT", help="Built after it: 2026-11-20, 12h or 7d (ago).")
@click.option("--until", callback=read_moment, metavar="MOMENT", help="Built before it.")
@click.option(
    "--min-map", type=float, callback=refuse_nan, metavar="M", help="Whose mAP50-95 is at least this, 0 to 1."
)
@click.option("--max-ms", type=float, callback=refuse_nan, metavar="MS", help="Whose frames take at most this.")
@click.option("--max-mb", type=float, callback=refuse_nan, metavar="MB", help="Whose files have at most this.")
@click.option("--model", metavar="SHA256", help="Made of the model file whose sha256 begins so.")
@click.option("--signed/--unsigned", default=None, help="That somebody signed, or nobody.")
@click.option("--current/--superseded", default=None, help="The last builds of each variant, or the older ones.")
@click.option("--sort", type=click.Choice(SORTS), default="published", help="In which order.")
@click.option("--reverse", is_flag=True, help="In the opposite order.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values and nothing else on stdout.")
@registry_option
@json_option
def list(
    pattern: str | None,
    registry: str | None,
    sort: str,
    reverse: bool,
    as_csv: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    """List what the registry holds, the last published first.

    PATTERN is a name in which * and ? stand for any letters (in quotes). Milliseconds in brackets were measured
    elsewhere. mAP is the mAP50-95 that was measured last, against labels; where nobody had any, ~ marks agreement with
    what another variant finds. Below a short list stands which variants are slower than a more accurate one of the same
    name.
    """
    from zcc.registry.browsing import Browsing

    opened = Browsing.open(registry)
    found = opened.browse(_wanted(pattern, **filters), sort, reverse)
    if as_csv:
        say_lines(_csv(opened, found.artifacts))
    elif as_json:
        print_json(_described(opened, found))
    elif not found.artifacts and not found.unreadable:
        say(_nothing(opened))
    else:
        _print(opened, found)


def _wanted(
    pattern: str | None,
    dtypes: tuple[str, ...],
    target: str | None,
    tag: str | None,
    since: datetime | None,
    until: datetime | None,
    min_map: float | None,
    max_ms: float | None,
    max_mb: float | None,
    model: str | None,
    signed: bool | None,
    current: bool | None,
) -> ListFilter:
    from zcc.registry.listing import ListFilter

    return ListFilter(
        *(pattern, dtypes, target, tag, since, until, min_map, max_ms),
        most_bytes=None if max_mb is None else max_mb * 1e6,
        model=None if model is None else model.removeprefix("sha256:").lower(),
        signed=signed,
        superseded=None if current is None else not current,
    )


def _nothing(opened: Browsing) -> str:
    if opened.listed():
        return f"nothing in {opened} is as you ask; zcc list shows all there is"
    return f"nothing in {opened} yet; zcc compile MODEL.onnx publishes there"


def _print(opened: Browsing, found: Listing) -> None:
    from zcc.registry import Artifact
    from zcc.registry.overtaken import overtaken

    if found.artifacts:
        rows = [_cells(each, opened.is_signed(each.digest)) for each in found.artifacts]
        say_lines("\n".join(table(TITLES, rows, RIGHT, YIELDING)))
    for bad in found.unreadable:
        say(f"cannot be read: {bad.name} {bad.digest}: {bad.why}")
    if len(found.artifacts) <= MOST_NOTED:
        read = opened.described([each.digest for each in found.artifacts])
        for line in overtaken(each for each in read if isinstance(each, Artifact)):
            say(f"note: {line}")


def _described(opened: Browsing, found: Listing) -> Sequence[dict[str, Any]]:
    read = opened.described([each.digest for each in found.artifacts])
    return [each.describe() for each in (*read, *found.unreadable)]


def _cells(each: Listed, signed: bool) -> tuple[str, ...]:
    return (
        each.name,
        " ".join(each.tags),
        each.dtype,
        each.target,
        f"{each.width}x{each.height}",
        f"{each.bytes / 1e6:.1f}",
        _accuracy(each),
        _latency(each),
        age(each.created),
        each.digest.removeprefix("sha256:")[:DIGEST_DIGITS],
        " ".join(_notes(each, signed)),
    )


def _notes(each: Listed, signed: bool) -> Iterator[str]:
    if each.superseded:
        yield "superseded"
    if each.origin is not None:
        yield "imported"
    if signed:
        yield "signed"


def _latency(each: Listed) -> str:
    """The latency; in brackets when it was measured elsewhere."""
    told = _figure(each.latency, ".1f")
    return told if not told or each.figures["latency_ms"].here else f"({told})"


def _accuracy(each: Listed) -> str:
    agreement = _figure(each.figure("agreement50_95"), ".3f")
    return _figure(each.accuracy, ".3f") or (agreement and f"~{agreement}")


def _figure(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


# Column -> what stands in it; None is an empty field.
CSV: dict[str, Callable[[Listed], object]] = {
    "name": lambda each: each.name,
    "tags": lambda each: " ".join(each.tags),
    "dtype": lambda each: each.dtype,
    "target": lambda each: each.target,
    "width": lambda each: each.width,
    "height": lambda each: each.height,
    "bytes": lambda each: each.bytes,
    "map50_95": lambda each: each.accuracy,
    "agreement50_95": lambda each: each.figure("agreement50_95"),
    "latency_ms": lambda each: each.latency,
    "latency_here": lambda each: int(each.figures["latency_ms"].here) if "latency_ms" in each.figures else None,
    "created": lambda each: each.created,
    "digest": lambda each: each.digest,
    "model_sha256": lambda each: each.model_sha256,
    "origin": lambda each: each.origin,
    "superseded": lambda each: int(each.superseded),
}


def _csv(opened: Browsing, found: Sequence[Listed]) -> str:
    import csv

    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([*CSV, "signed"])
    for each in found:
        writer.writerow([*(value(each) for value in CSV.values()), int(opened.is_signed(each.digest))])
    return written.getvalue().rstrip("\n")
