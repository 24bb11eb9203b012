"""Race zcc against PyTorch on a card: the same ONNX file, the same frames, in turns, the boxes held to a third.

python -m benchmarks.gpu.race BUNDLE.zcc MODEL.onnx [BUNDLE.zcc MODEL.onnx...] [--data DIR] [--dtype fp16,int8]
    [--rounds N] [-o results.json]

A bundle (`zcc export`) holds the model compiled for this card. Needs PyTorch, torchvision, onnx and OpenCV beside the
thin runtime. PyTorch runs fp16. The confidence is set so that about 5, 50 and 500 candidates stand, since PyTorch's NMS
takes little time over none; of a model with random weights make a lively one first (benchmarks.gpu.lively). Ratios are
of medians: PyTorch's over zcc's.

Boxes of the first dtype are held to the candidates of PyTorch in float32: NMS must have kept the right ones, as far as
rounding goes (benchmarks.gpu.same says how far). With pictures in --data, which the first pair's detector is trained
for, those are held to it, too, and its timed frame is full of them. Anything wrong makes the status 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.candidates import COUNTS, Pixels, confidence, tiled
from benchmarks.gpu.detectors import CONF
from benchmarks.gpu.energy import frame_energy
from benchmarks.gpu.frames import scene
from benchmarks.gpu.peer import Peer, Reference
from benchmarks.gpu.same import Candidates, Rounding, Suppression, mistakes
from benchmarks.gpu.standings import CALLS, PEER, ROUNDS, Table, Timed, called, in_turns, lines
from zcc.compiler.quality.pictures import load_pictures
from zcc.compiler.racing.peer_torch import replayed
from zcc.runtime import Detector
from zcc.runtime.bundle import Bundle
from zcc.runtime.detections import Detections
from zcc.runtime.executors.cuda import CudaExecutor
from zcc.runtime.executors.cuda_program import WEIGHTS, read_program
from zcc.runtime.executors.cuda_timing import replay
from zcc.runtime.executors.frame_block import letterbox
from zcc.runtime.manifest import Manifest

FRAME = (1080, 1920, 3)
TOGETHER = 10
ENERGY = "frame of the card to boxes, millijoules of the card"
IOU = 0.45  # of two boxes of a class, from which on NMS drops one


class Entry:
    """zcc's detector in one dtype: whole, and its executor for the stages."""

    def __init__(self, bundle: Path, dtype: str) -> None:
        self.dtype, self.detector = dtype, Detector.load(bundle, dtype=dtype, device="cuda")
        source = Bundle(bundle)
        [variant] = [
            each for each in source.variants(str(bundle)) if each.manifest.digest == self.detector.manifest.digest
        ]
        self.manifest: Manifest = variant.manifest
        key = next(entry.sha256 for entry in self.manifest.files if entry.path == WEIGHTS)
        program = read_program(source.folder(variant), self.manifest.input, self.manifest.head.max_det, key)
        self.executor = CudaExecutor(program)

    def stages(self, stages: tuple[str, ...]) -> Timed:
        """Some stages as a graph, on what the last frame left."""
        return lambda: replay(self.executor, stages, CALLS, TOGETHER).tolist()


def races(
    peer: Peer, entries: list[Entry], frame: Pixels, said: Candidates, rounds: int
) -> tuple[dict[str, Table], list[str]]:
    """The figures of each contestant by discipline, what PyTorch takes over what zcc takes, and what zcc gets wrong."""
    card = torch.from_numpy(frame).cuda()
    torch.cuda.synchronize()
    peer(card)
    rounding = Rounding.seen(peer.scores(), said)
    print(f"scores of PyTorch's fp16 are up to {rounding.scores / 2:.4f} off its float32", flush=True)
    results, faults = dict[str, Table](), list[str]()
    for count in COUNTS:
        conf = confidence(peer.scores(), count)
        asked = Suppression(conf, IOU, entries[0].manifest.head.max_det)
        judged(f"PyTorch, {count} candidates", [peer(card, conf, IOU)], [said], asked, rounding)
        found = [entries[0].detector(frame, conf, IOU)]
        faults += judged(f"zcc {entries[0].dtype}, {count} candidates", found, [said], asked, rounding)
        for entry in entries:
            entry.executor.run(card, conf)
        results[f"network to boxes, {count} candidates"] = staged(peer, entries, ("network", "postprocess"), rounds)
        for name, theirs, given in (("card", card, card), ("host", torch.from_numpy(frame), frame)):
            table = {PEER: called(partial(peer, theirs, conf))}
            for entry in entries:
                table[entry.dtype] = called(partial(entry.detector, given, conf))
            results[f"frame of the {name} to boxes, {count} candidates"] = in_turns(table, rounds)
    results["network alone"] = staged(peer, entries, ("network",), rounds)
    return results, faults


def staged(peer: Peer, entries: list[Entry], stages: tuple[str, ...], rounds: int) -> Table:
    """Some stages of ours, and of PyTorch's the network, which has no NMS in it."""
    mine = {entry.dtype: entry.stages(stages) for entry in entries}
    return in_turns({PEER: lambda: [replayed(peer.network, TOGETHER) for _ in range(CALLS)], **mine}, rounds)


def judged(
    who: str, found: Sequence[Detections], said: Sequence[Candidates], asked: Suppression, rounding: Rounding
) -> list[str]:
    """What of boxes is not what NMS keeps of the float32 network's candidates, beyond rounding; printed in a line."""
    pairs = zip(found, said, strict=True)
    wrong = [fault for boxes, each in pairs for fault in mistakes(boxes, each, asked, rounding)]
    standing, kept = sum(len(each.above(asked.conf).boxes) for each in said), sum(map(len, found))
    print(f"{who}: {kept} boxes of {standing} candidates above {asked.conf:.4f}, {len(wrong)} wrong", flush=True)
    return [f"{who}: {fault}" for fault in wrong]


def in_pictures(entry: Entry, reference: Reference, data: Path) -> list[str]:
    """What zcc gets wrong in pictures that the detector is for."""
    manifest = entry.manifest
    frames = list(load_pictures(data, manifest.classes).frames)
    said = [reference(frame, letterbox(manifest.input, *frame.shape[:2])) for frame in frames]
    asked = Suppression(CONF, IOU, manifest.head.max_det)
    found = [entry.detector(frame, CONF, IOU) for frame in frames]
    return judged(f"{len(frames)} pictures, zcc {entry.dtype}", found, said, asked, Rounding())


def race(bundle: Path, model: Path, data: Path | None, options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """One model: its figures, and what failed."""
    entries = [Entry(bundle, dtype) for dtype in options.dtype.split(",")]
    spec, most = entries[0].manifest.input, entries[0].manifest.head.max_det
    reference = Reference(model, spec)
    faults = in_pictures(entries[0], reference, data) if data else []
    place = letterbox(spec, *FRAME[:2])
    torch._dynamo.reset()
    begin = time.perf_counter()
    peer = Peer(model, place, (spec.height, spec.width), most)
    print(f"torch.compile took {time.perf_counter() - begin:.0f} s", flush=True)
    classes = entries[0].manifest.classes
    frame = tiled(load_pictures(data, classes).frames, FRAME[:2]) if data else scene(*FRAME[:2])
    results, wrong = races(peer, entries, frame, reference(frame, place), options.rounds)
    return {**results, ENERGY: energy(peer, entries, frame)}, faults + wrong


def energy(peer: Peer, entries: list[Entry], frame: Pixels) -> dict[str, float]:
    """Millijoules of the card for a frame that lies on it, by contestant."""
    card = torch.from_numpy(frame).cuda()
    torch.cuda.synchronize()
    mine = {entry.dtype: partial(entry.detector, card) for entry in entries}
    return frame_energy({PEER: partial(peer, card), **mine})


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", metavar="BUNDLE.zcc MODEL.onnx")
    parser.add_argument("--data", type=Path, metavar="DIR", help="pictures that the first pair's detector is for")
    parser.add_argument("--dtype", default="fp16")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help="turns of each contestant")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    if len(options.files) % 2:
        parser.error("each bundle needs its model behind it")
    results, faults = dict[str, Any](), list[str]()
    for number, (bundle, model) in enumerate(zip(options.files[::2], options.files[1::2], strict=True)):
        data = None if number else options.data
        results[bundle.stem], wrong = race(bundle, model, data, options)
        timed = {name: table for name, table in results[bundle.stem].items() if name != ENERGY}
        print("\n".join(lines(bundle.stem, timed)), flush=True)
        print(f"{bundle.stem}: {ENERGY}: {json.dumps(results[bundle.stem][ENERGY])}", flush=True)
        faults += [f"{bundle.stem}: {each}" for each in wrong]
    print("\n".join(["failures:", *faults]) if faults else "no failures")
    if options.output:
        versions = {"card": torch.cuda.get_device_name(), "torch": torch.__version__}
        options.output.write_text(json.dumps({**versions, "race, microseconds": results}, indent=1) + "\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
