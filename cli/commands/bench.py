"""zcc bench: how fast a detector is, by itself and beside other tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.options import json_option, prefer_option, read_size, registry_option, variant_options
from zcc.commands.output import print_json, reserved_stdout, say_lines
from zcc.runtime.escaping import escaped

if TYPE_CHECKING:
    from zcc.compiler.racing.contestant import Pixels
    from zcc.compiler.racing.race import Race, Rules
    from zcc.registry import Artifact
    from zcc.runtime.manifest import Measurement

FRAME = (1080, 1920)


@click.command()
@click.argument("ref")
@variant_options
@prefer_option
@click.option(
    "--against", metavar="TOOLS", help="Race it against openvino, onnxruntime or both, with a comma between them."
)
@click.option(
    "--model",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The ONNX file that REF was compiled from, for the others to run.",
)
@click.option(
    "--frame", callback=read_size, default=f"{FRAME[0]}x{FRAME[1]}", metavar="HxW", help="Size of the frames."
)
@click.option(
    "--images",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Pictures to make the frames of; those that come with zcc by default.",
)
@click.option("--rounds", type=click.IntRange(1), default=10, metavar="N", help="Turns that each contestant gets.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads of each; every usable core by default.")
@registry_option
@json_option
def bench(
    ref: str,
    dtype: str | None,
    target: str | None,
    prefer: str,
    against: str | None,
    model: Path | None,
    frame: tuple[int, int],
    images: Path | None,
    rounds: int,
    threads: int | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Time the detector REF: the whole frame, and the network alone.

    What it takes for a frame of the default size on every core is recorded with the artifact, where `zcc list` shows
    it. Beside other tools, all run in turns, each in a process of its own, once they are known to find the same.
    """
    from zcc.commands.pick import folder_of, pick_runnable
    from zcc.commands.recording import record
    from zcc.compiler.racing.race import Rules
    from zcc.registry import Registry
    from zcc.runtime import host

    if (against is None) != (model is None):
        raise click.UsageError("--against TOOLS and --model FILE, which REF was compiled from, need each other")
    opened = Registry.open(registry)
    artifact = pick_runnable(opened, ref, dtype, target, prefer)
    rules = Rules(rounds=rounds, threads=threads or host.worker_threads())
    with reserved_stdout():
        outcome = _race(folder_of(opened, ref, artifact), against, model, _frames(artifact, images, frame), rules)
    figures = _measurements(outcome, frame)
    # Figures are compared from artifact to artifact, so those of other conditions are shown and not kept.
    usual = frame == FRAME and rules.threads == host.worker_threads()
    recorded = usual and record(opened, artifact.digest, figures)
    if as_json:
        print_json(_document(artifact, outcome, frame, recorded, figures))
    else:
        say_lines(_text(artifact, outcome, frame))


def _frames(artifact: Artifact, images: Path | None, size: tuple[int, int]) -> list[Pixels]:
    from zcc import sample
    from zcc.compiler.racing.scenes import pictures_in, read_frames

    paths = sample.IMAGES if images is None else pictures_in(images)
    return read_frames(paths, size, artifact.manifest.input.color)


def _race(folder: Path, against: str | None, model: Path | None, frames: Sequence[Pixels], rules: Rules) -> Race:
    from zcc.commands.progress import open_progress
    from zcc.compiler.racing.against import Lineup, race_against, race_alone

    if against is None or model is None:
        return race_alone(folder, frames, rules, open_progress())
    peers = tuple(name.strip() for name in against.split(","))
    return race_against(Lineup(folder, model, peers), frames, rules, open_progress())


def _measurements(outcome: Race, frame: tuple[int, int]) -> list[Measurement]:
    """What is kept with the artifact."""
    from zcc.compiler.racing.result import milliseconds, runs
    from zcc.runtime import host
    from zcc.runtime.manifest import Measurement

    ours, rules = outcome.records[0], outcome.rules
    taken = {task: milliseconds(runs(ours, task)) for task in ("frame", "network")}
    count = rules.rounds * rules.runs
    place = f"on {host.machine()}, {rules.threads} threads"
    frames = f"{count} frames of {frame[1]}x{frame[0]} {place}"
    return [
        Measurement("latency_ms", taken["frame"]["median"], f"median of {frames}"),
        Measurement("latency_p95_ms", taken["frame"]["p95"], f"95th percentile of {frames}"),
        Measurement("network_ms", taken["network"]["median"], f"median of {count} runs {place}"),
    ]


def _document(
    artifact: Artifact, outcome: Race, frame: tuple[int, int], recorded: bool, figures: Sequence[Measurement]
) -> dict[str, Any]:
    from zcc.compiler.racing.result import as_document

    manifest = artifact.manifest
    return {
        "name": manifest.name,
        "digest": artifact.digest,
        "dtype": manifest.dtype,
        "target": manifest.target,
        "frame": list(frame),
        "measured": [asdict(figure) for figure in figures],
        "recorded": recorded,
        **as_document(outcome),
    }


def _text(artifact: Artifact, outcome: Race, frame: tuple[int, int]) -> str:
    from zcc.compiler.racing.result import as_text

    manifest = artifact.manifest
    title = f"{manifest.name} {manifest.dtype} for {manifest.target}, frames of {frame[1]}x{frame[0]}"
    return f"{escaped(title)}\n{as_text(outcome)}"
