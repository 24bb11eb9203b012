"""Race zcc against OpenVINO and ONNX Runtime: same frames, same threads, in turns, once all are known to see the same.

python -m benchmarks.race MODEL.onnx... [--frame 1080x1920] [--threads 1,2] [--rounds N] [--images DIR] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.arguments import names, numbers, opened_registry, run, size
from zcc import sample
from zcc.cli.progress import open_progress
from zcc.compiler.compile import CompileOptions, Result, compile_model
from zcc.compiler.racing.against import race_against
from zcc.compiler.racing.race import Race, Rules
from zcc.compiler.racing.result import as_document, as_text
from zcc.compiler.racing.scenes import pictures_in, read_frames
from zcc.compiler.racing.table import PEERS
from zcc.registry import Registry
from zcc.runtime import host


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--against", type=names, default=list(PEERS), metavar="TOOLS")
    parser.add_argument("--dtype", default="fp32")
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


def compiled(model: Path, options: argparse.Namespace, registry: Registry) -> Result:
    """The artifact of a model."""
    job = CompileOptions(model, dtypes=(options.dtype,), imgsz=options.imgsz)
    [result] = compile_model(job, registry, open_progress())
    return result


def race_model(model: Path, artifact: Result, threads: int, peers: list[str], options: argparse.Namespace) -> Race:
    """One model on so many threads."""
    pictures = pictures_in(options.images) if options.images else sample.IMAGES
    frames = read_frames(pictures, options.frame, artifact.manifest.input.color)
    rules = Rules(rounds=options.rounds, runs=options.runs, threads=threads)
    return race_against(peers, artifact.folder, model, frames, rules, open_progress())


def main() -> None:
    """Race every model on every number of threads, and print what came out as it comes out."""
    options = read_arguments()
    peers = present(options.against)
    documents: list[dict[str, Any]] = []
    with opened_registry(options.registry) as registry:
        for model in options.models:
            artifact = compiled(model, options, registry)
            for threads in options.threads:
                outcome = race_model(model, artifact, threads, peers, options)
                documents.append({"model": str(model), "frame": options.frame, **as_document(outcome)})
                if not options.json:
                    print(f"\n{model.name}, frames of {options.frame[1]}x{options.frame[0]}\n{as_text(outcome)}\n")
    if options.json:
        print(json.dumps(documents, indent=2))


if __name__ == "__main__":
    run(main)
