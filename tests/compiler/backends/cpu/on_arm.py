"""What the emulated machine runs: `detect FRAME ARTIFACT RESULT`, or `network FOLDER...`."""

from __future__ import annotations

import json
import platform
import sys
from functools import partial
from pathlib import Path

import numpy as np
import tvm_ffi

from zcc.runtime import Detector
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.engine import engine
from zcc.runtime.frame_pool import PoolCode
from zcc.runtime.library import NETWORK
from zcc.runtime.tvm_library import load_runtime


def detect(frame: Path, artifact: Path, result: Path) -> None:
    found = Detector.load(artifact)(np.load(frame))
    np.savez(result, boxes=found.boxes, scores=found.scores, classes=found.classes)


def network(*folders: Path) -> None:
    for folder in folders:
        told = json.loads((folder / "told.json").read_text())
        load_runtime(folder, told["runtime"])
        module = tvm_ffi.load_module(str(folder / "network.so"))
        stored = np.fromfile(folder / "weights", np.uint8)
        weights, arena = aligned_bytes(len(stored)), aligned_bytes(told["arena"])
        weights[:], arena[:] = stored, 0x7F
        image, output = np.load(folder / "image.npy"), np.full(told["shape"], np.nan, np.float32)
        engine().call(partial(run, module, image, weights, arena, output))
        np.save(folder / "output.npy", output)


def run(module: tvm_ffi.Module, *arrays: np.ndarray) -> None:
    # TVM's own threads yield their processor 300,000 times before they end, minutes where others want it.
    engine().share(PoolCode.of(module))
    module[NETWORK](*arrays)


if __name__ == "__main__":
    assert platform.machine() == "aarch64"
    {"detect": detect, "network": network}[sys.argv[1]](*map(Path, sys.argv[2:]))
