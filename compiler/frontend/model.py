"""What the front end hands on: a model that is known to be compilable."""

from __future__ import annotations

from dataclasses import dataclass

import onnx


@dataclass(frozen=True)
class Suppression:
    """The non-maximum suppression that a file carried, which the compiled one replaces."""

    iou: float  # the threshold it fixed, whatever the caller asks for
    score: float  # the lowest score it lets through


@dataclass(frozen=True)
class Head:
    """How the network's decoded output is laid out, in the terms the postprocess kernel needs.

    A candidate is a box (cx, cy, w, h in input pixels), an optional objectness, and a score per class.
    """

    family: str  # the entry in the table of head families
    output: str  # name of the ONNX output that carries it
    candidates: int
    classes: int
    objectness: bool
    candidates_last: bool  # (1, attributes, candidates) instead of (1, candidates, attributes)
    final: bool = False  # rows are x1, y1, x2, y2, score, class
    suppression: Suppression | None = None  # set where the file fixes how candidates are suppressed

    @property
    def attributes(self) -> int:
        """Numbers per candidate."""
        return 6 if self.final else 4 + int(self.objectness) + self.classes

    @property
    def finished(self) -> bool:
        """Whether the candidates are the detections, with nothing left to suppress."""
        return self.final and self.suppression is None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the output tensor."""
        if self.candidates_last:
            return 1, self.attributes, self.candidates
        return 1, self.candidates, self.attributes


@dataclass(frozen=True)
class Model:
    """A checked, simplified detector with static shapes and float32 weights."""

    proto: onnx.ModelProto  # one input, one output: the head's
    input: str
    height: int
    width: int
    head: Head
    class_names: tuple[str, ...]
    sha256: str  # of the model file as given, external data included
