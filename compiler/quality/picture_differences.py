"""Where two detectors differ, picture by picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.quality.confident import ConfidentDetections
from zcc.compiler.quality.drift import match

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class PictureDifference:
    """One picture: what each is sure of, and what of it the other is not."""

    number: int  # among the pictures
    before: ConfidentDetections
    after: ConfidentDetections
    lost: Flags  # of `before`, what has no counterpart
    gained: Flags  # of `after`
    drift: float  # the sum of how far the scores of counterparts are apart

    @property
    def weight(self) -> float:
        """How much differs: a detection that only one of them has counts for its score."""
        only = (self.before.scores[self.lost].sum(), self.after.scores[self.gained].sum())
        return float(sum(only) + self.drift)

    def describe(self, name: str) -> dict[str, Any]:
        """The figures, as users see them in `--json`."""
        return {
            "image": name,
            "lost": int(self.lost.sum()),
            "gained": int(self.gained.sum()),
            "in_both": int((~self.lost).sum()),
            "drift": round(self.drift, 4),
        }


def picture_differences(
    sure: Sequence[tuple[ConfidentDetections, ConfidentDetections]],
) -> list[PictureDifference]:
    """Every picture in which something differs, the worst first."""
    found = [_difference(number, *pair) for number, pair in enumerate(sure)]
    return sorted((each for each in found if each.weight > 0), key=lambda each: -each.weight)


def _difference(number: int, before: ConfidentDetections, after: ConfidentDetections) -> PictureDifference:
    partners = match(before, after)
    lost = partners < 0
    gained = np.ones(len(after.scores), bool)
    gained[partners[~lost]] = False
    drift = np.abs(before.scores[~lost] - after.scores[partners[~lost]]).sum()
    return PictureDifference(number, before, after, lost, gained, float(drift))
