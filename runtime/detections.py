"""What a detector returns of a frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Detections:
    """What was found in a frame, the surest first."""

    boxes: NDArray[np.float32]  # (n, 4): x1, y1, x2, y2 in pixels of the frame
    scores: NDArray[np.float32]  # (n,)
    classes: NDArray[np.int32]  # (n,)
    edges: float  # how busy the frame is: the share of its pixels that differ much from their neighbour, 0..1

    def __len__(self) -> int:
        """How many."""
        return len(self.scores)
