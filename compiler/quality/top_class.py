"""Classifiers among what finds boxes: the likeliest class of a frame, as one detection of all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.quality.class_folders import WHOLE


@dataclass(frozen=True)
class TopClass:
    """What a classifier says of a frame."""

    boxes: NDArray[np.float64]  # (1, 4)
    scores: NDArray[Any]  # (1,)
    classes: NDArray[Any]  # (1,)


def as_found(result: Any) -> Any:
    """A frame's result as those that count detections take it."""
    if not hasattr(result, "probabilities"):
        return result
    [(number, score)] = result.top(1)
    return TopClass(WHOLE, np.array([score]), np.array([number]))
