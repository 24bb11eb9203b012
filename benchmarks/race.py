"""Race zcc against OpenVINO and ONNX Runtime: same frames, same threads, in turns, once all are known to see the same.

python -m benchmarks.race MODEL.onnx... [--dtype fp32,int8] [--calib DIR] [--data DIR] [--frame 1080x1920]
                          [--target TARGET] [--threads 1,2] [--rounds N] [--images DIR] [--json]

Of several dtypes the last one is measured against the others and against the peers that compute in it. An int8 race
is one against OpenVINO with a model that NNCF quantised on the same pictures. In a race for a --target, the others find
no instructions that it lacks. Every number of threads has artifacts whose work is cut for it, as peers are told it when
they compile. With labelled pictures in --data, the accuracy of every network is measured too.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.arguments import names, numbers, opened_registry, run, size
from benchmarks.hold import held_to
from benchmarks.processor import compile_for_processor
from zcc import sample
from zcc.commands.progress import open_progress
from zcc.compiler.backends.table import NATIVE
from zcc.compiler.compile import CompileOptions, Result
from zcc.compiler.quality.comparison import POINTS
from zcc.compiler.racing.against import Lineup, race_against
from zcc.compiler.racing.race import Race, Rules
from zcc.compiler.racing.result import as_document, as_text
from zcc.compiler.racing.scenes import pictures_in, read_frames
from zcc.compiler.racing.table import PEERS, matches
from zcc.registry import Registry
from zcc.runtime import host


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--against", type=names, metavar="TOOLS", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--dtype", type=names, default=["fp32"], metavar="DTYPE,DTYPE")
    parser.add_argument("--target", default=NATIVE, metavar="TARGET", help="compile for it, and hold peers to it")
    parser.add_argument("--calib", type=Path, metavar="DIR", help="pictures that decide the scales of int8")
    parser.add_argument("--data", type=Path, metavar="DIR", help="labelled pictures to measure accuracy on")
    parser.add_argument("--imgsz", type=size, metavar="HxW", help="for a model whose axes are dynamic")
    parser.add_argument("--frame", type=size, default=(1080, 1920), metavar="HxW")
    parser.add_argument("--images", type=Path, metavar="DIR", help="pictures to make the frames of")
    parser.add_argument("--threads", type=numbers, default=[host.worker_threads()], metavar="N,N")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each contestant")
    parser.add_argument("--runs", type=int, default=10, help="counted runs in a turn")
    parser.add_argument("--registry", metavar="URL", help="where to compile into; a temporary one by default")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def present(wanted: list[str]) -> list[str]:
    """The peers that are installed; the others are named."""
    for name in wanted:
        if name in PEERS and (absent := PEERS[name].missing()):
            print(f"{name} is left out: {', '.join(absent)} not installed", file=sys.stderr)
    return [name for name in wanted if name not in PEERS or not PEERS[name].missing()]


def compiled(model: Path, options: argparse.Namespace, threads: int, registry: Registry) -> list[Result]:
    """The artifacts of a model, that of the last dtype first. What they lose is shown, not held to a bar."""
    job = CompileOptions(
        model,
        dtypes=tuple(reversed(options.dtype)),
        target=options.target,
        imgsz=options.imgsz,
        calib=options.calib,
        max_drop=POINTS,
        threads=threads,
    )
    return compile_for_processor(job, registry, open_progress())


def race_model(
    model: Path, artifacts: list[Result], threads: int, peers: list[str], options: argparse.Namespace
) -> Race:
    """One model on so many threads."""
    pictures = pictures_in(options.images) if options.images else sample.IMAGES
    first, *siblings = artifacts
    frames = read_frames(pictures, options.frame, first.manifest.input.color)
    rules = Rules(rounds=options.rounds, runs=options.runs, threads=threads)
    folders = tuple(each.folder for each in siblings)
    lineup = Lineup(
        first.folder, model, tuple(peers), folders, options.calib, options.data, held=options.target != NATIVE
    )
    return race_against(lineup, frames, rules, open_progress())


def main() -> None:
    """Race every model on every number of threads, and print what came out as it comes out."""
    options = read_arguments()
    peers = present(matches(options.dtype[-1]) if options.against is None else options.against)
    documents: list[dict[str, Any]] = []
    with opened_registry(options.registry) as registry, held_to(options.target):
        for model in options.models:
            for threads in options.threads:
                artifacts = compiled(model, options, threads, registry)
                outcome = race_model(model, artifacts, threads, peers, options)
                documents.append({"model": str(model), "frame": options.frame, **as_document(outcome)})
                if not options.json:
                    print(f"\n{model.name}, frames of {options.frame[1]}x{options.frame[0]}\n{as_text(outcome)}\n")
    if options.json:
        print(json.dumps(documents, indent=2))


if __name__ == "__main__":
    run(main)
