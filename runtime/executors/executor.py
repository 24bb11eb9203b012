"""What an executor promises: the runtime's twin of a backend, which loads an artifact's files and runs frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.detections import Detections
from zcc.runtime.frame import Frame
from zcc.runtime.underway import Underway


class Executor(Protocol):
    """A loaded artifact. Any number of threads may call it."""

    threads: int  # of the host that a frame is shared out over
    overlaps: bool  # whether frames that are under way together are done sooner
    decodes: bool  # whether all candidates of the head are decoded, so that `run_network` can give them

    def take(self, frame: Any, format: str | None) -> Any:
        """The frame as `run` wants it, refused where it is none; what is a `Frame` already stays one."""
        ...

    def run(self, frame: Any, conf: float, iou: float, streams: int | None = None) -> Detections:
        """The detections in a frame that was taken, one of so many that may run side by side."""
        ...

    def submit(self, frame: Any, conf: float, iou: float, streams: int | None = None) -> Underway:
        """Put a frame that was taken on its way; it may not be written to until its detections are there."""
        ...

    def run_many(self, frames: Sequence[Any], conf: float, iou: float, streams: int | None = None) -> list[Detections]:
        """The detections in each of several frames that were taken."""
        ...

    def rehearse(self, frame: Frame, conf: float, iou: float) -> Detections:
        """The same, aside, while other executors run frames; not once this one runs them, too."""
        ...

    def run_network(self, image: NDArray[np.float32], output: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """The head's decoded output for a prepared input (1, 3, height, width), in `output` where it is given."""
        ...

    def network_seconds(self, image: NDArray[np.float32], output: NDArray[np.float32]) -> float:
        """What the network alone takes for a prepared input, by the clock of the processor that runs it."""
        ...

    def stages(self, frame: Any, conf: float, iou: float) -> NDArray[np.float64]:
        """Seconds that a frame takes before the network, in it, and behind it."""
        ...

    def profile(self, image: NDArray[np.float32]) -> NDArray[np.float64]:
        """Seconds that each kernel of the network takes for a prepared input, in the order of the manifest's calls."""
        ...
