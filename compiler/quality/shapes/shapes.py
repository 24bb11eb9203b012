"""What a task compares in the place of boxes: a row for each detection or label of a picture."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Shapes(Protocol):
    """The shapes of one picture."""

    measure: ClassVar[str]  # what precision by them is called

    def __len__(self) -> int:
        """How many."""
        ...

    def pick(self, rows: Any) -> Shapes:
        """Some of them, by a mask or by their numbers."""
        ...

    def likeness(self, wanted: Any, region: bool = False) -> Floats:
        """How like each of them is to each of those that are wanted, 0..1; with `region`, how far it lies in it."""
        ...
