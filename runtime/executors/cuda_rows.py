"""Which rows of a frame the card reads: a picture that is three times smaller, or more, passes rows by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Rows:
    """Of every `step` rows of a plane, `count` from `first` on."""

    first: int
    count: int
    step: int

    def of(self, plane: Bytes) -> Bytes:
        """Those rows of a plane without gaps, one or two side by side in a row of bytes."""
        row = plane[0].nbytes
        steps = plane.reshape(plane.shape[0] // self.step, self.step * row)
        return steps[:, self.first * row : (self.first + self.count) * row]


def rows_read(rows: int, height: int) -> Rows | None:
    """What a picture of `height` rows is blended from; None where that is all of the frame, or at uneven distances.

    With an odd step a row's centre falls on one of the frame, whose neighbour has no weight; with an even one between
    two.
    """
    step, rest = divmod(rows, height)
    if rest or step < 3:
        return None
    return Rows((step - 1) // 2, 2 - step % 2, step)
