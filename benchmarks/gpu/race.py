"""Race zcc against PyTorch on a card: the same ONNX file, the same frames, in turns, once both find the same boxes.

python -m benchmarks.gpu.race BUNDLE.zcc MODEL.onnx [--data DIR] [--dtype fp16,int8] [-o results.json]

The bundle (`zcc export`) holds the model compiled for this card. Needs PyTorch, torchvision and onnx beside the thin
runtime; with pictures in --data, which the detector is trained for, both must find the same there, and the timed frame
is full of them. PyTorch runs fp16. The confidence is set so that about 5, 50 and 500 candidates stand, since PyTorch's
NMS takes little time over none; of a model with random weights make a lively one first (benchmarks.gpu.lively). Ratios
are of medians: PyTorch's over zcc's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.candidates import COUNTS, Pixels, confidence, tiled
from benchmarks.gpu.detectors import CONF
from benchmarks.gpu.frames import scene
from benchmarks.gpu.peer import Peer, replayed
from benchmarks.gpu.same import strangers
from benchmarks.gpu.standings import CALLS, PEER, Table, Timed, called, in_turns, lines
from zcc.compiler.quality.pictures import load_pictures
from zcc.runtime import Detector
from zcc.runtime.bundle import Bundle
from zcc.runtime.executors.cuda import CudaExecutor
from zcc.runtime.executors.cuda_program import WEIGHTS, read_program
from zcc.runtime.executors.cuda_timing import replay
from zcc.runtime.executors.frame_block import letterbox
from zcc.runtime.manifest import Manifest

FRAME = (1080, 1920, 3)
TOGETHER = 10
ALIKE = 0.02  # of the boxes, that rounding may turn into others; of random weights, whose scores lie close, more differ


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


def races(peer: Peer, entries: list[Entry], frame: Pixels) -> tuple[dict[str, Table], list[str]]:
    """The figures of each contestant by discipline, what PyTorch takes over what zcc takes, and where they differ."""
    card = torch.from_numpy(frame).cuda()
    torch.cuda.synchronize()
    peer(card)
    results, faults = dict[str, Table](), list[str]()
    for count in COUNTS:
        conf = confidence(peer.scores(), count)
        faults += differences(peer, entries[0], frame, conf, count)
        for entry in entries:
            entry.executor.run(card, conf)
        results[f"network to boxes, {count} candidates"] = staged(peer, entries, ("network", "postprocess"))
        for name, theirs, given in (("card", card, card), ("host", torch.from_numpy(frame), frame)):
            table = {PEER: called(lambda theirs=theirs, conf=conf: peer(theirs, conf))}
            for entry in entries:
                table[entry.dtype] = called(lambda entry=entry, given=given, conf=conf: entry.detector(given, conf))
            results[f"frame of the {name} to boxes, {count} candidates"] = in_turns(table)
    results["network alone"] = staged(peer, entries, ("network",))
    return results, faults


def staged(peer: Peer, entries: list[Entry], stages: tuple[str, ...]) -> Table:
    """Some stages of ours, and of PyTorch's the network, which has no NMS in it."""
    mine = {entry.dtype: entry.stages(stages) for entry in entries}
    return in_turns({PEER: lambda: [replayed(peer.network, TOGETHER) for _ in range(CALLS)], **mine})


def differences(peer: Peer, entry: Entry, frame: Pixels, conf: float, count: int) -> list[str]:
    """Whether both find the same in the frame that is timed, and how much that is."""
    theirs, mine = peer(torch.from_numpy(frame), conf), entry.detector(frame, conf)
    wrong = strangers(theirs, mine, conf)
    standing = int((peer.scores() > conf).sum())
    boxes = f"{len(theirs)} and {len(mine)} boxes, {wrong} without a like"
    print(f"PyTorch and zcc: {standing} candidates above {conf:.4f}, {boxes}", flush=True)
    return [f"{count} candidates: {boxes}"] * (wrong > ALIKE * (len(theirs) + len(mine)))


def disagreements(model: Path, entries: list[Entry], data: Path) -> list[str]:
    """Where PyTorch and zcc in fp16 find other boxes, in pictures of the first one's size."""
    entry = entries[0]
    spec = entry.manifest.input
    frames = list(load_pictures(data, entry.manifest.classes).frames)
    frames = [frame for frame in frames if frame.shape == frames[0].shape]
    place = letterbox(spec, *frames[0].shape[:2])
    peer = Peer(model, place, (spec.height, spec.width), entry.manifest.head.max_det)
    pairs = [(peer(torch.from_numpy(frame)), entry.detector(frame)) for frame in frames]
    wrong = sum(strangers(theirs, mine, CONF) for theirs, mine in pairs)
    boxes = sum(len(theirs) for theirs, _ in pairs)
    print(f"PyTorch and zcc: {len(frames)} pictures, {boxes} boxes, {wrong} without a like", flush=True)
    return [f"{wrong} boxes have no like"] * (wrong > boxes // 100)


def race(bundle: Path, model: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """One model: its figures, and what failed."""
    entries = [Entry(bundle, dtype) for dtype in options.dtype.split(",")]
    faults = disagreements(model, entries, options.data) if options.data else []
    torch._dynamo.reset()
    spec = entries[0].manifest.input
    place = letterbox(spec, *FRAME[:2])
    begin = time.perf_counter()
    peer = Peer(model, place, (spec.height, spec.width), entries[0].manifest.head.max_det)
    print(f"torch.compile took {time.perf_counter() - begin:.0f} s", flush=True)
    pictures = load_pictures(options.data, entries[0].manifest.classes).frames if options.data else []
    results, differing = races(peer, entries, tiled(pictures, FRAME[:2]) if options.data else scene(*FRAME[:2]))
    return results, faults + differing


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE.zcc")
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--data", type=Path, metavar="DIR")
    parser.add_argument("--dtype", default="fp16")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    results, faults = race(options.bundle, options.model, options)
    print("\n".join(lines(options.model.stem, results)))
    print("\n".join(["failures:", *faults]) if faults else "no failures")
    if options.output:
        versions = {"card": torch.cuda.get_device_name(), "torch": torch.__version__}
        options.output.write_text(json.dumps({**versions, "microseconds": results}, indent=1) + "\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
