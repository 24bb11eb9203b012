"""A frame from pixels to masks, keypoints, rotated boxes, classes, queries: `python -m benchmarks.tasks MODEL.onnx`.

Each model is compiled, and raced against OpenVINO and ONNX Runtime in turns, all with as many threads as there are
cores. Networks are followed by the usual steps of OpenCV and numpy; ours is one call, and the masks of all that is
found are asked for. Weights may be random: the threshold is set so that about as many are found as `--objects` says.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks.tasks.postprocess import POSTS
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.compiler.racing.opencv_frame import PicturePlacement, prepare
from zcc.registry import Registry
from zcc.runtime import Detector, host
from zcc.runtime.manifest import Manifest

IOU = 1.0  # suppresses nothing: random weights draw boxes that all overlap
Pixels = NDArray[np.uint8]
Run = Callable[[Pixels, float], Any]


def main() -> None:
    """Race every model that is named."""
    options = _parser().parse_args()
    rows = [["model", "found", "zcc ms", "openvino ms", "onnxruntime ms", "ratio to the faster"]]
    for model in options.models:
        rows.append(race(model, options))
        print("  ".join(f"{cell:>16}" for cell in rows[0]) + "\n" + "  ".join(f"{cell:>16}" for cell in rows[-1]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--frame", type=int, nargs=2, default=(1080, 1920), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--objects", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--runs", type=int, default=3, help="frames of each contestant in a round")
    parser.add_argument("--target", default="native")
    parser.add_argument("--registry", help="where compiled models are kept; a folder for this race by default")
    parser.add_argument("--compiled", action="store_true", help="they are in the registry under their files' names")
    return parser


def race(model: Path, options: argparse.Namespace) -> list[str]:
    """A row: medians in ms, and the ratio to the faster of the others."""
    with tempfile.TemporaryDirectory() as scratch:
        registry = options.registry or scratch
        if not options.compiled:
            compile_model(CompileOptions(model, target=options.target), Registry.open(registry))
        detector = Detector.load(model.stem, registry=registry)
        frame = scene(*options.frame)
        contestants = {"zcc": ours(detector), **peers(model, detector.manifest)}
        conf = threshold(detector, frame, options.objects)
        found = len(detector(frame, conf, IOU))
        taken = in_turns(contestants, frame, conf, options.rounds, options.runs)
    best = min(taken["openvino"], taken["onnxruntime"])
    times = [f"{taken[name]:.1f}" for name in ("zcc", "openvino", "onnxruntime")]
    return [model.stem, str(found), *times, f"{best / taken['zcc']:.2f}"]


def scene(height: int, width: int) -> Pixels:
    """A frame with something in it everywhere."""
    noise = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def threshold(detector: Detector, frame: Pixels, objects: int) -> float:
    """The score that about so many detections reach."""
    if detector.manifest.task.name == "classify":
        return 0.0
    scores = detector(frame, 0.0, IOU).scores  # of random weights they are near nothing
    return float(scores[objects - 1 : objects + 1].mean())


def ours(detector: Detector) -> Run:
    """The compiled module; masks are made, all of them."""

    def run(frame: Pixels, conf: float) -> Any:
        found = detector(frame, conf, IOU)
        return found.masks.all() if detector.manifest.task.name == "segment" else found

    return run


def peers(model: Path, manifest: Manifest) -> dict[str, Run]:
    """Others' networks, and the same steps around both."""
    return {name: _with_steps(load(model), manifest) for name, load in LOADERS.items()}


def _with_steps(network: Callable[[Any], Any], manifest: Manifest) -> Run:
    post, spec, classes = POSTS[manifest.task.name], manifest.input, manifest.head.classes

    def run(frame: Pixels, conf: float) -> Any:
        placement = PicturePlacement.of(frame.shape[0], frame.shape[1], spec)
        image = _cropped(frame, spec.height) if spec.resize == "crop" else prepare(frame, placement, spec)
        return post(network(image), placement, classes, conf, IOU)

    return run


def _cropped(frame: Pixels, side: int) -> Any:
    height, width = frame.shape[:2]
    gain = side / min(height, width)
    size = max(side, int(width * gain)), max(side, int(height * gain))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    top, left = (small.shape[0] - side) // 2, (small.shape[1] - side) // 2
    middle = np.ascontiguousarray(small[top : top + side, left : left + side])
    return cv2.dnn.blobFromImage(middle, 1 / 255, swapRB=True)


def _onnxruntime(model: Path) -> Callable[[Any], Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = host.worker_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda image: session.run(None, {name: image})


def _openvino(model: Path) -> Callable[[Any], Any]:
    import openvino

    settings = {"INFERENCE_NUM_THREADS": host.worker_threads(), "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY", **settings})
    return lambda image: list(compiled([image]).values())


LOADERS: dict[str, Callable[[Path], Callable[[Any], Any]]] = {"openvino": _openvino, "onnxruntime": _onnxruntime}


def in_turns(contestants: dict[str, Run], frame: Pixels, conf: float, rounds: int, runs: int) -> dict[str, float]:
    """The median of each, in ms."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for run in contestants.values():
        run(frame, conf)
    for _ in range(rounds):
        for name, run in contestants.items():
            run(frame, conf)  # the first after the others finds cold caches
            for _ in range(runs):
                start = time.perf_counter()
                run(frame, conf)
                taken[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(times) for name, times in taken.items()}


if __name__ == "__main__":
    main()
