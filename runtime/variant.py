"""One artifact, loaded: its manifest, and the executor that runs frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.artifact_files import check_files
from zcc.runtime.detections import Detections
from zcc.runtime.executors.table import load_executor
from zcc.runtime.frame import Frame
from zcc.runtime.in_use import hold
from zcc.runtime.manifest import Manifest
from zcc.runtime.underway import Underway

__all__ = ["Detections", "Variant"]


class Variant:
    """A compiled artifact, ready to run frames. Any number of threads may call it."""

    def __init__(self, folder: Path, manifest: Manifest, device: str | None = None) -> None:
        self.manifest = manifest
        hold(folder, self)
        check_files(folder, manifest)
        self.executor = load_executor(folder, manifest, device)

    @property
    def threads(self) -> int:
        """Those of the host that a frame is shared out over."""
        return self.executor.threads

    @property
    def overlaps(self) -> bool:
        """Whether frames that are under way together are done sooner."""
        return self.executor.overlaps

    @property
    def decodes(self) -> bool:
        """Whether `run_network` can give the head's output: a card decodes only what it finds."""
        return self.executor.decodes

    def take(self, frame: Any, format: str | None = None) -> Any:
        """The frame as `run` wants it, refused where it is none."""
        return self.executor.take(frame, format)

    def run(self, frame: Any, conf: float, iou: float, streams: int | None = None) -> Detections:
        """The detections in a frame, one of so many that may run side by side; what was not taken yet is taken now."""
        taken = frame if type(frame) is Frame else self.executor.take(frame, None)
        return self.executor.run(taken, conf, iou, streams)

    def run_many(self, frames: Sequence[Any], conf: float, iou: float, streams: int | None = None) -> list[Detections]:
        """The detections in each of several frames; what was not taken yet is taken now."""
        return self.executor.run_many([self.executor.take(each, None) for each in frames], conf, iou, streams)

    def submit(self, frame: Any, conf: float, iou: float, streams: int | None = None) -> Underway:
        """Put a frame that was taken on its way."""
        return self.executor.submit(frame, conf, iou, streams)

    def rehearse(self, frame: Frame, conf: float, iou: float) -> Detections:
        """The same, aside, while other variants run frames; not once this one runs them, too.

        Afterwards all memory is in place that the first frame needs.
        """
        return self.executor.rehearse(frame, conf, iou)

    def run_network(self, image: NDArray[np.float32], output: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """The head's decoded output for a prepared input (1, 3, height, width), in `output` where it is given."""
        return self.executor.run_network(image, output)

    def network_seconds(self, image: NDArray[np.float32], output: NDArray[np.float32]) -> float:
        """What the network alone takes for a prepared input, by the clock of the processor that runs it."""
        return self.executor.network_seconds(image, output)

    def stages(self, frame: Any, conf: float, iou: float) -> NDArray[np.float64]:
        """Seconds that a frame takes before the network, in it, and behind it."""
        return self.executor.stages(self.executor.take(frame, None), conf, iou)

    def profile(self, image: NDArray[np.float32]) -> NDArray[np.float64]:
        """Seconds that each kernel of the network takes for a prepared input, in the order of the manifest's calls."""
        return self.executor.profile(image)
