"""An artifact for cards of NVIDIA's, loaded: what of a plan's executor every variant has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.detections import Detections
from zcc.runtime.errors import UsageError
from zcc.runtime.executors import cuda_timing
from zcc.runtime.executors.cuda import CudaExecutor
from zcc.runtime.executors.cuda_frame import lies_on_card
from zcc.runtime.executors.cuda_program import WEIGHTS, read_program
from zcc.runtime.executors.cuda_slot import Pending
from zcc.runtime.executors.plan import STAGES
from zcc.runtime.frame import Frame, as_frame
from zcc.runtime.manifest import Manifest

ROUNDS = 10  # of a profile
FIRST = "cuda:0"

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class OnCard:
    """A frame in a card's memory, and what the caller says of its format."""

    frame: Any
    format: str | None


class CudaVariant:
    """A plan's executor, as variants are run. Any number of threads may call it."""

    threads = 1  # the host has nothing to share out
    overlaps = True  # the next frame is uploaded while one runs
    decodes = False  # only the candidates above the confidence are

    def __init__(self, folder: Path, manifest: Manifest, device: str) -> None:
        key = next(entry.sha256 for entry in manifest.files if entry.path == WEIGHTS)
        program = read_program(folder, manifest.input, manifest.head.max_det, key)
        self.executor = CudaExecutor(program, device)

    def take(self, frame: Any, format: str | None) -> Frame | OnCard:
        """The frame where it lies, on the card or in the host's memory."""
        if isinstance(frame, OnCard):
            return frame
        return OnCard(frame, format) if lies_on_card(frame) else as_frame(frame, format)

    def run(self, frame: Frame | OnCard, conf: float, iou: float, streams: int | None = None) -> Detections:
        """The detections in a frame; a card runs several at once by itself."""
        if isinstance(frame, OnCard):
            return self.executor.run(frame.frame, conf, iou, frame.format)
        return self.executor.run(frame, conf, iou)

    def submit(self, frame: Frame | OnCard, conf: float, iou: float, streams: int | None = None) -> Pending:
        """Put a frame on its way: it is uploaded while the one before it runs."""
        if isinstance(frame, OnCard):
            return self.executor.submit(frame.frame, conf, iou, frame.format)
        return self.executor.submit(frame, conf, iou)

    def run_many(
        self, frames: Sequence[Frame | OnCard], conf: float, iou: float, streams: int | None = None
    ) -> list[Detections]:
        """The detections in each of several frames, all on their way before the first is waited for."""
        return [each.result() for each in [self.submit(frame, conf, iou) for frame in frames]]

    def rehearse(self, frame: Frame, conf: float, iou: float) -> Detections:
        """The same: what a card does for others goes on beside it."""
        return self.executor.run(frame, conf, iou)

    def run_network(self, image: Array, output: Array | None = None) -> Array:
        """Refused: a card leaves the head's maps, and decodes none but the candidates it needs."""
        raise UsageError("on a card the network has no decoded output", "ask for its maps, or run whole frames")

    def maps(self, frame: NDArray[np.uint8]) -> list[Array]:
        """The maps that the head is read from, as [height, width, channels], behind a frame; channels may be padded."""
        self.executor.run(frame)
        names = [name for name in self.executor.program.plan.tensors if name.startswith("map")]
        return [_floats(self.executor.read(name)[0]) for name in sorted(names, key=lambda name: int(name[3:]))]

    def network_seconds(self, image: Array, output: Array) -> float:
        """What the network's launches take as a graph, by the card's clock; no output is decoded."""
        self.executor.run(_pixels(image))
        return float(cuda_timing.replay(self.executor, ("network",), 1)[0])

    def stages(self, frame: Any, conf: float, iou: float) -> NDArray[np.float64]:
        """Seconds that the launches of each stage take as a graph, by the card's clock; copies are not in them."""
        self.run(frame, conf, iou)
        return np.array([cuda_timing.replay(self.executor, (stage,), 1)[0] for stage in STAGES])

    def profile(self, image: Array) -> NDArray[np.float64]:
        """Seconds of each launch of the network, one after another."""
        self.executor.run(_pixels(image))
        seconds = cuda_timing.profile(self.executor, ROUNDS)
        return seconds[list(self.executor.program.plan.indices_of(("network",)))]


def _pixels(image: Array) -> NDArray[np.uint8]:
    """The frame that becomes a prepared input."""
    return np.ascontiguousarray(np.rint(255 * image[0]).clip(0, 255).astype(np.uint8).transpose(1, 2, 0))


def _floats(values: NDArray[Any]) -> Array:
    """Numbers as float32; bfloat16 lies in uint16."""
    if values.dtype == np.uint16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32)


def load(folder: Path, manifest: Manifest, device: str | None) -> CudaVariant:
    """The artifact on a card, the first where none is named."""
    return CudaVariant(folder, manifest, device or FIRST)
