"""zcc bench: how fast a detector is, by itself and beside other tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.options import json_option, prefer_option, read_numbers, read_size, registry_option, variant_options
from zcc.commands.output import print_json, reserved_stdout, say, say_lines
from zcc.runtime.host import MOST_THREADS

if TYPE_CHECKING:
    from zcc.compiler.benching.bench import BenchPlan
    from zcc.compiler.racing.against import Lineup
    from zcc.compiler.racing.contestant import Pixels
    from zcc.registry import Artifact, Registry
    from zcc.runtime.manifest import Measurement

FRAME = (1080, 1920)
KIND = "bench"
# Short turns, in which a machine's moods hit all alike, and as many as make the ratios certain.
USUAL: Mapping[str, Any] = {"rounds": 34, "runs": 3, "seconds": 0.03, "certain": 0.015}
TOLD: Mapping[str, Any] = {"runs": 10, "seconds": 0.1}  # where the rounds are given


@click.command()
@click.argument("ref")
@variant_options
@prefer_option
@click.option(
    "--against",
    metavar="TOOLS",
    help="Race it against onnxruntime, openvino, torch, tensorrt, or several of them with commas between.",
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
@click.option(
    "--rounds",
    type=click.IntRange(1),
    metavar="N",
    help="Turns of ten runs that each gets. By default 34 of three, and more until ratios are certain to 1.5%.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    metavar="N",
    help="Threads of each; every usable core by default.",
)
@click.option(
    "--streams",
    callback=read_numbers,
    metavar="N,N",
    help="Frames side by side to look at; one, two, four, … up to every usable core by default.",
)
@click.option("--quick", is_flag=True, help="Time the frame and the network alone.")
@click.option("--history", is_flag=True, help="Measure nothing; show the benches that were kept.")
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
    rounds: int | None,
    threads: int | None,
    streams: tuple[int, ...],
    quick: bool,
    history: bool,
    registry: str | None,
    as_json: bool,
) -> None:
    """Time the detector REF: whole frames, the network alone, and all that surrounds them.

    After a warm-up, 100 runs at least are timed: mean, standard deviation, least, most, median and percentiles. Then
    come the stages of a frame, sizes of frames, threads that share a frame by streams side by side, with which of them
    to use for latency and for throughput, a process's start, memory, and energy. Others run in turns with it until the
    ratios are certain, for a minute at most. The result is kept with the artifact; a frame on every core is listed.
    """
    from zcc.commands.pick import folder_of, pick_runnable
    from zcc.commands.progress import open_progress
    from zcc.compiler.benching.bench import BenchPlan, run_bench
    from zcc.compiler.racing.race import Rules
    from zcc.registry import Registry
    from zcc.runtime import host

    if (against is None) != (model is None):
        raise click.UsageError("--against TOOLS and --model FILE, which REF was compiled from, need each other")
    if quick and streams:
        raise click.UsageError("--quick looks at no --streams: leave one of them out")
    opened = Registry.open(registry)
    artifact = pick_runnable(opened, ref, dtype, target, prefer)
    if history:
        _show_history(opened, artifact, as_json)
        return
    folder = folder_of(opened, ref, artifact).absolute()  # a name alone would be looked for in a registry
    how = USUAL if rounds is None else {"rounds": rounds, **TOLD}
    rules = Rules(threads=threads or host.worker_threads(), **how)
    plan = BenchPlan(folder, frame, rules, _lineup(folder, against, model), quick, streams)
    with reserved_stdout():
        document = {**_about(artifact), **run_bench(plan, _frames(artifact, images, frame), open_progress())}
    document = {**document, **_keep(opened, artifact, plan, document)}
    _tell(document, as_json)


def _tell(document: dict[str, Any], as_json: bool) -> None:
    from zcc.commands.bench_view import bench_lines

    print_json(document) if as_json else say_lines("\n".join(bench_lines(document)))


def _about(artifact: Artifact) -> dict[str, Any]:
    manifest = artifact.manifest
    return {"name": manifest.name, "digest": artifact.digest, "dtype": manifest.dtype, "target": manifest.target}


def _frames(artifact: Artifact, images: Path | None, size: tuple[int, int]) -> list[Pixels]:
    from zcc import sample
    from zcc.compiler.racing.scenes import pictures_in, read_frames

    paths = sample.IMAGES if images is None else pictures_in(images)
    return read_frames(paths, size, artifact.manifest.input.color)


def _lineup(folder: Path, against: str | None, model: Path | None) -> Lineup | None:
    from zcc.compiler.racing.against import Lineup

    if against is None or model is None:
        return None
    return Lineup(folder, model, tuple(name.strip() for name in against.split(",")))


def _keep(opened: Registry, artifact: Artifact, plan: BenchPlan, document: dict[str, Any]) -> dict[str, Any]:
    """Keep the result where the artifact is kept, and say what of it lists show."""
    from zcc.commands.recording import keep, record
    from zcc.runtime import host

    figures = _measurements(document)
    keep(opened, artifact.digest, KIND, document)
    # Figures are compared from artifact to artifact, so those of other conditions are not shown in lists.
    usual = plan.frame == FRAME and plan.rules.threads == host.worker_threads()
    recorded = usual and record(opened, artifact.digest, figures)
    return {"measured": [asdict(figure) for figure in figures], "recorded": recorded}


def _measurements(document: dict[str, Any]) -> Sequence[Measurement]:
    """What lists show of a bench, and how it was measured."""
    from zcc.runtime import host
    from zcc.runtime.manifest import Measurement

    frame, network, (height, width) = document["frame_ms"], document["network_ms"], document["frame"]
    place = f"on {host.machine()}, {document['threads']} threads"
    frames = f"{frame['runs']} frames of {width}x{height} {place}"
    return [
        Measurement("latency_ms", frame["median"], f"median of {frames}"),
        Measurement("latency_p95_ms", frame["p95"], f"95th percentile of {frames}"),
        Measurement("latency_spread_ms", frame["spread"], f"between the quarters of {frames}"),
        Measurement("network_ms", network["median"], f"median of {network['runs']} runs {place}"),
    ]


def _show_history(opened: Registry, artifact: Artifact, as_json: bool) -> None:
    from zcc.commands.bench_view import history_lines
    from zcc.registry.kept_results import KeptResults

    benches = KeptResults(opened.home).of(artifact.digest, KIND)
    if as_json:
        print_json(benches)
    elif benches:
        say_lines("\n".join(history_lines(benches)))
    else:
        say(f"nobody benched {artifact.manifest.name} {artifact.manifest.dtype} here yet")
