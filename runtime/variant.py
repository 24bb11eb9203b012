"""One artifact, loaded: its manifest, module and weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tvm_ffi
from numpy.typing import NDArray

from zcc.runtime import library
from zcc.runtime.engine import engine
from zcc.runtime.errors import CorruptArtifact
from zcc.runtime.frame import Pixels
from zcc.runtime.manifest import Manifest, file_sha256


@dataclass(frozen=True)
class Detections:
    """What was found in a frame, the surest first."""

    boxes: NDArray[np.float32]  # (n, 4): x1, y1, x2, y2 in pixels of the frame
    scores: NDArray[np.float32]  # (n,)
    classes: NDArray[np.int32]  # (n,)

    def __len__(self) -> int:
        """How many."""
        return len(self.scores)


class Variant:
    """A compiled artifact, ready to run frames."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        self.folder = folder
        check_files(folder, manifest)
        self.module = library.load_module(folder)
        self.weights = tvm_ffi.from_dlpack(library.map_weights(folder))
        self.detect = self.module["zcc_detect"]
        most = manifest.head.max_det
        self.boxes = np.zeros((most, 4), np.float32)
        self.scores = np.zeros(most, np.float32)
        self.classes = np.zeros(most, np.int32)
        self.count = np.zeros(1, np.int32)
        results = (self.boxes, self.scores, self.classes, self.count)
        self.results = tuple(tvm_ffi.from_dlpack(array) for array in results)

    def run(self, pixels: Pixels, conf: float, iou: float) -> Detections:
        """The detections in a frame."""
        return engine().call(lambda: self._run(pixels, conf, iou))

    def _run(self, pixels: Pixels, conf: float, iou: float) -> Detections:
        arena = engine().reserve(self.manifest.workspace["detect"])
        self.detect(pixels, conf, iou, self.weights, arena, *self.results)
        found = int(self.count[0])
        return Detections(self.boxes[:found].copy(), self.scores[:found].copy(), self.classes[:found].copy())

    def run_network(
        self, image: NDArray[np.float32], output: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """The head's decoded output for a prepared input (1, 3, height, width), in `output` where it is given."""
        result = np.zeros(tuple(self.manifest.head.shape), np.float32) if output is None else output
        return engine().call(lambda: self._run_network(image, result))

    def _run_network(self, image: NDArray[np.float32], output: NDArray[np.float32]) -> NDArray[np.float32]:
        arena = engine().reserve(self.manifest.workspace["network"])
        self.module["zcc_network"](np.ascontiguousarray(image), self.weights, arena, output)
        return output

    def profile(self) -> NDArray[np.float64]:
        """Seconds that each kernel of the network took, in the order of the manifest's kernel calls."""
        return engine().call(self._profile)

    def _profile(self) -> NDArray[np.float64]:
        arena = engine().reserve(self.manifest.workspace["network"])
        output = np.zeros(4 * np.prod(self.manifest.head.shape), np.uint8)
        clock = np.zeros(2 * len(self.manifest.kernels["calls"]) + 2, np.int64)
        self.module["zcc_profile"](self.weights, arena, output, clock)
        seconds, nanoseconds = clock.reshape(-1, 2).T
        return np.diff(seconds - seconds[0] + 1e-9 * nanoseconds)


def check_files(folder: Path, manifest: Manifest) -> None:
    """Every file is there with the bytes the manifest names, else CorruptArtifact."""
    for entry in manifest.files:
        path = folder / entry.path
        if not path.is_file():
            raise CorruptArtifact(f"{path} is missing", "compile the model again")
        if path.stat().st_size != entry.size or file_sha256(path) != entry.sha256:
            raise CorruptArtifact(
                f"{path} is not the file that was published", "run `zcc verify`, compile again"
            )
