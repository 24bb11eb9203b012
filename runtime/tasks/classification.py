"""The classes of a whole frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.detections import Found, lacking

TOLD = 5  # classes that are told of a frame


@dataclass(frozen=True, eq=False)
class Classification:
    """How likely each class is of what a frame shows."""

    probabilities: NDArray[np.float32]  # (classes,)
    edges: float  # how busy the frame is, as for detections

    def top(self, count: int) -> list[tuple[int, float]]:
        """The likeliest classes, each with its probability, the likeliest first; of equals the lower number."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(int(number), float(self.probabilities[number])) for number in order]

    def extras(self) -> list[dict[str, Any]]:
        """The likeliest classes."""
        return [{"class": number, "score": score} for number, score in self.top(TOLD)]

    def __len__(self) -> int:
        """How many answers there are: one."""
        return 1

    def __getattr__(self, name: str) -> NoReturn:
        """Whoever asks for what only other tasks have is told so."""
        raise lacking(self, name, ("probabilities", "top(k)"))


def classification(found: Found) -> Classification:
    """The result of a classifier."""
    return Classification(found.scores, found.edges)
