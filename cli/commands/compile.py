"""zcc compile: from an ONNX file to artifacts in the registry."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcc.commands.options import (
    budget_option,
    json_option,
    read_channels,
    read_size,
    read_words,
    refuse_nan,
    registry_option,
    trials_option,
)
from zcc.commands.output import print_json, reserved_stdout, say_lines
from zcc.runtime.escaping import escaped
from zcc.runtime.host import MOST_THREADS
from zcc.runtime.limits import BATCH
from zcc.runtime.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zcc.compiler.building.progress import Progress
    from zcc.compiler.compile import Result
    from zcc.registry import Registry
    from zcc.runtime.errors import UsageError


MANY_CORES = 8  # from which on it is worth a look how frames share them best
# Metric -> how it is told, where the build measured it.
FIGURES = {"latency_ms": "{:.1f} ms", "map50_95": "mAP50-95 {:.3f}", "agreement50_95": "agreement {:.3f}"}


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="What to call it in the registry; the file's name by default.")
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    callback=read_words,
    metavar="DTYPE",
    help="Precision to compile for; several with commas between them, or the option several times. "
    "Without it int8 for a model that is quantised, fp32 for any other.",
)
@click.option(
    "--target",
    default="native",
    metavar="TARGET",
    help="Machine to compile for; `zcc doctor` lists them.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    metavar="N",
    help="Threads that a frame's work is cut for: this machine's cores by default, two for another target. It runs on "
    "any number; 1 is best where many frames run side by side.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Build nothing when one of several dtypes cannot be built here; without it the others are.",
)
@click.option("--imgsz", callback=read_size, metavar="HxW", help="Input size, for a model whose axes are dynamic.")
@click.option("--classes", type=click.Path(path_type=Path), metavar="FILE", help="Class names, one per line.")
@click.option(
    "--color",
    type=click.Choice(["bgr", "rgb"]),
    default="bgr",
    help="Channel order of the frames it will be given.",
)
@click.option(
    "--resize",
    type=click.Choice(["letterbox", "stretch", "crop"]),
    help="How a frame is fitted to the input size: letterbox by default, crop (the short side fitted, the middle cut "
    "out) for classifiers.",
)
@click.option(
    "--mean", callback=read_channels, metavar="A,B,C", help="What the model's channels are less, 0 by default."
)
@click.option(
    "--std", callback=read_channels, metavar="A,B,C", help="What they are divided by after that, 1 by default."
)
@click.option(
    "--white",
    type=click.FloatRange(1, 65535),
    callback=refuse_nan,
    metavar="X",
    help="What the model takes for white: 1 by default, 255 for one that reads bytes. --mean and --std count in it.",
)
@click.option("--order", type=click.Choice(["rgb", "bgr"]), help="Channel order of the model's input, rgb by default.")
@click.option(
    "--max-det",
    type=click.IntRange(1, 30000),
    default=300,
    metavar="N",
    help="Most detections per frame.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, BATCH),
    default=1,
    metavar="N",
    help="Frames of a call (`Detector.many`), for a model whose batch is dynamic or N; 1 by default, for any number.",
)
@click.option(
    "--calib",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Pictures, or .npy frames, that int8 is calibrated on; a few dozen of what the camera will see. "
    "A model that is quantised needs none; given, they replace its scales.",
)
@click.option(
    "--data",
    metavar="DIR",
    type=click.Path(exists=True, path_type=Path),
    help="Pictures that accuracy is measured on, best with labels: images/ and labels/ (YOLO text), or a COCO json.",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 100),
    callback=refuse_nan,
    metavar="X",
    help="Points of mAP50-95 that a variant may lose against fp32 and still be published: 0.5 where there are "
    "labels, else 2 of agreement with the fp32 detections.",
)
@click.option(
    "--tune",
    is_flag=True,
    help="First search for faster forms of the kernels on this machine; what is found is kept for every later compile.",
)
@trials_option
@budget_option
@registry_option
@json_option
def compile(
    tune: bool, trials: int | None, budget: float | None, registry: str | None, as_json: bool, **asked: Any
) -> None:
    """Compile MODEL, a YOLO ONNX file, into the registry: uint8 frame in, boxes out."""
    if not tune and (trials or budget):
        raise click.UsageError("--trials and --budget limit a search; add --tune to make one")
    _check(**asked)
    from zcc.commands.progress import open_progress
    from zcc.compiler.building.tune_options import TuneOptions
    from zcc.compiler.compile import CompileOptions, compile_model
    from zcc.registry import Registry

    # The other options are named as the fields that they fill.
    options = CompileOptions(**asked, tune=TuneOptions(trials, budget) if tune else None)
    passed_over: dict[str, str] = {}
    progress = open_progress()

    def pass_over(dtype: str, error: UsageError) -> None:
        passed_over[dtype] = str(error)
        progress.note(f"{dtype} was passed over: {error}")

    with reserved_stdout():
        opened = Registry.open(registry)
        results = compile_model(options, opened, progress, pass_over)
        sharing = _sharing(results, opened, progress)
    if as_json:
        print_json(_document(results, passed_over, sharing))
    else:
        say_lines("\n".join([_summary(results, registry, sharing), *_notes(results, opened)]))


def _check(
    model: Path, classes: Path | None, calib: Path | None, data: Path | None, max_drop: float | None, **_: Any
) -> None:
    """Refuse what can be refused before the compiler is loaded."""
    from zcc.compiler.quality.given import check_bar, check_files

    check_bar(max_drop, data, calib)
    check_files(model, classes, calib, data)


def _sharing(results: Sequence[Result], registry: Registry, progress: Progress) -> Mapping[str, Any]:
    """By digest, what threads and streams are best for each artifact that is new, kept with it; on many cores alone."""
    from zcc.runtime import host

    if host.worker_threads() < MANY_CORES:
        return {}
    from zcc import sample
    from zcc.commands.recording import keep
    from zcc.compiler.benching.sharing import glance
    from zcc.compiler.racing.scenes import read_frames
    from zcc.runtime.errors import BenchmarkError

    found = {}
    for manifest, folder in ((result.manifest, result.folder) for result in results if not result.reused):
        with progress.stage(f"threads and streams for {manifest.dtype}"):
            size = manifest.input.height, manifest.input.width
            try:
                told = glance(folder, read_frames(sample.IMAGES, size, manifest.input.color))
            except BenchmarkError as error:  # the artifact is there, whatever became of this
                progress.note(f"threads and streams for {manifest.dtype} are not known: {error}")
                continue
        if told is not None:
            keep(registry, manifest.digest, "sharing", told)
            found[manifest.digest] = told
    return found


def _notes(results: Sequence[Result], registry: Registry) -> list[str]:
    """A line for each variant of the name that is slower than a more accurate one."""
    from zcc.registry.overtaken import overtaken

    name = results[0].manifest.name
    return [f"note: {line}" for line in overtaken(each for each in registry.artifacts() if each.manifest.name == name)]


def _document(results: Sequence[Result], passed_over: Mapping[str, str], sharing: Mapping[str, Any]) -> dict[str, Any]:
    """The first artifact's manifest, every artifact's under `variants`, and why there is none in other dtypes."""
    variants = [
        {**each.manifest.describe(), "reused": each.reused, "sharing": sharing.get(each.manifest.digest)}
        for each in results
    ]
    return {**variants[0], "variants": variants, "passed_over": dict(passed_over)}


def _summary(results: Sequence[Result], registry: str | None, sharing: Mapping[str, Any]) -> str:
    """What was made, and what to do next, on this machine or on the one that it was made for."""
    from zcc.runtime.obstacles import obstacle

    place = ["--registry", registry] if registry else []
    name = results[0].manifest.name
    if any(obstacle(result.manifest) is None for result in results):
        step = f"try: {shlex.join(['zcc', 'run', name, 'IMAGE', '--save', 'out', *place])}"
    else:
        bundle = f"{name}.zcc"
        carry = shlex.join(["zcc", "export", name, bundle, *place])
        step = f"next: {carry}, and on such a machine, in Python: Detector.load({bundle!r})"
    lines = [line for each in results for line in (_line(each), *_best(sharing.get(each.manifest.digest)))]
    return "\n".join([*map(escaped, lines), step])


def _best(sharing: Mapping[str, Any] | None) -> list[str]:
    """What is best for latency and for throughput, where that was looked at."""
    best = sharing["best"] if sharing else {}
    return [f"  for {why} threads={use['threads']} streams={use['streams']}" for why, use in best.items()]


def _line(result: Result) -> str:
    manifest = result.manifest
    seconds = sum(stage.seconds for stage in manifest.stages)
    return ", ".join(
        [
            f"{manifest.name} {manifest.dtype} for {manifest.target}",
            "was there already" if result.reused else f"made in {seconds:.1f} s",
            f"input {manifest.input.width}x{manifest.input.height}",
            counted(len(manifest.classes), "class", "classes"),
            f"{manifest.sizes['total'] / 1e6:.1f} MB",
            *(FIGURES[each.metric].format(each.value) for each in manifest.measured if each.metric in FIGURES),
            manifest.digest[:19],
        ]
    )
