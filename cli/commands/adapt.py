"""zcc adapt: what switching precision from frame to frame would bring on a labelled sequence."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.options import json_option, read_words, refuse_nan, registry_option
from zcc.commands.output import print_json, say, say_lines

if TYPE_CHECKING:
    from zcc.compiler.adapting.adapt import Adapted, AdaptOptions
    from zcc.runtime.variant import Variant


def read_arguments(context: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    """`low=4` as {"low": 4}; what is no number stays a word."""
    arguments = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name.isidentifier() or not equals:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE")
        try:
            arguments[name] = json.loads(value)
        except ValueError:
            arguments[name] = value
    return arguments


@click.command()
@click.argument("ref")
@click.option(
    "--data",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The labelled sequence, its pictures in order of time: images/ and labels/ (YOLO text), or a COCO json.",
)
@click.option(
    "--dtypes",
    callback=read_words,
    multiple=True,
    metavar="A,B",
    help="The variants, from the cheapest to the most accurate; those of the policy's file, or int8,fp32, by default.",
)
@click.option("--target", metavar="TARGET", help="Of several variants, those for this target.")
@click.option(
    "--policy", default="scene", metavar="NAME|FILE", help="scene, deadline, or a file that was stored with -o."
)
@click.option(
    "--set",
    "given",
    callback=read_arguments,
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of the policy, as low=4, high=8, hold=5, measure=edges, ms=20; several times for several.",
)
@click.option("--fit", is_flag=True, help="Choose the thresholds on the first half, and report on the second.")
@click.option(
    "--lose",
    type=click.FloatRange(0, 1),
    callback=refuse_nan,
    default=1 / 3,
    show_default="a third",
    metavar="X",
    help="The part of the accuracy that the cheapest variant loses which a fitted policy may lose, too.",
)
@click.option("-o", "output", metavar="FILE", type=click.Path(path_type=Path), help="Store the policy as JSON.")
@click.option("--plot", metavar="FILE", type=click.Path(path_type=Path), help="Draw the trade-off curves as SVG.")
@click.option(
    "--conf", type=click.FloatRange(0, 1), callback=refuse_nan, default=0.25, metavar="X", help="Least score."
)
@click.option(
    "--iou",
    type=click.FloatRange(0, 1),
    callback=refuse_nan,
    default=0.45,
    metavar="X",
    help="Overlap above which boxes merge.",
)
@click.option("--turns", type=click.IntRange(1), default=3, metavar="N", help="Times that each frame is timed.")
@registry_option
@json_option
def adapt(
    ref: str,
    data: Path,
    dtypes: tuple[str, ...],
    target: str | None,
    policy: str,
    given: dict[str, Any],
    fit: bool,
    lose: float,
    output: Path | None,
    plot: Path | None,
    conf: float,
    iou: float,
    turns: int,
    registry: str | None,
    as_json: bool,
) -> None:
    """Tell what switching the precision of REF from frame to frame brings on a labelled sequence.

    Every frame runs on every variant, in turns. From that follow the accuracy and the times of the cheapest variant
    alone, of the most accurate alone, of the policy, which sees no more than it would see live, and of an oracle, which
    takes the accurate variant just for the frames where the labels say that it gains. A stored policy is what
    AdaptiveDetector.load(REF, policy=FILE) takes.
    """
    from zcc.commands.progress import open_progress
    from zcc.compiler.adapting.adapt import AdaptOptions, adapt
    from zcc.compiler.adapting.plot import draw
    from zcc.compiler.adapting.recording import RecordingSettings
    from zcc.compiler.quality.pictures import labelled_pictures
    from zcc.runtime.adaptive.adaptive_detector import load_resident
    from zcc.runtime.adaptive.table import known_arguments
    from zcc.runtime.aside import written_out

    name, arguments, own = _read_policy(policy)
    known_arguments(name, given)
    resident = load_resident(ref, dtypes or own, target, registry)
    options = AdaptOptions(name, {**arguments, **given}, fit, lose, RecordingSettings(conf, iou, turns))
    sequence = labelled_pictures(data, next(iter(resident.values())).manifest.classes)
    if sequence.assumed is not None:
        say(f"warning: {sequence.assumed}", err=True)
    adapted = adapt(resident, sequence, options, open_progress())
    if output is not None:
        adapted.policy.write(output)
    if plot is not None:
        with written_out(plot, "choose another place") as file:
            file.write(draw(adapted.report, f"{ref}, {adapted.report.frames} frames of {sequence.place}").encode())
    if as_json:
        print_json(_document(resident, data, options, adapted))
    else:
        say_lines(as_text(adapted))


def _read_policy(policy: str) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """Its name, its arguments and its variants, as far as they are known."""
    from zcc.runtime.adaptive.adaptive_detector import DTYPES
    from zcc.runtime.adaptive.stored_policy import StoredPolicy
    from zcc.runtime.adaptive.table import POLICIES

    if policy in POLICIES:
        return policy, {}, DTYPES
    if not Path(policy).is_file():
        raise click.UsageError(f"{policy!r} is neither a policy ({', '.join(POLICIES)}) nor a file")
    stored = StoredPolicy.read(policy)
    return stored.name, dict(stored.arguments), stored.dtypes


def _document(resident: dict[str, Variant], data: Path, options: AdaptOptions, adapted: Adapted) -> dict[str, Any]:
    first = next(iter(resident.values())).manifest
    return {
        "name": first.name,
        "target": first.target,
        "variants": {dtype: variant.manifest.digest for dtype, variant in resident.items()},
        "data": str(data),
        "policy": options.policy,
        "fitted": options.fitted,
        **asdict(options.use),
        **adapted.report.describe(),
    }


def as_text(adapted: Adapted) -> str:
    """The figures as tables, for people."""
    from zcc.commands.columns import columns
    from zcc.compiler.adapting.table import curve_rows, outcome_rows, summary

    found, policy = adapted.report, adapted.policy
    settings = ", ".join(f"{name}={_short(value)}" for name, value in policy.arguments.items())
    return "\n".join(
        [
            f"{policy.name}({settings}) on {found.frames} frames of {policy.made['sequence']}",
            columns(outcome_rows(found)),
            "",
            *summary(found),
            "",
            "the policy with other thresholds",
            columns(curve_rows(found)),
        ]
    )


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
