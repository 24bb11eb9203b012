"""A detector's head: how the decoded output that a model file ends in is laid out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Suppression:
    """How a file chose its detections itself, which the compiled postprocess does in its place."""

    iou: float  # the threshold it fixes, whatever the caller asks for; 1 where it suppresses nothing
    score: float  # what a score must exceed, whatever lower threshold the caller asks for


@dataclass(frozen=True)
class Head:
    """How the network's decoded output is laid out, in the terms the postprocess kernel needs.

    A candidate is a box (cx, cy, w, h in input pixels), an optional objectness, and a score per class.
    """

    family: str  # the name of a row in table.py
    output: str  # name of the ONNX output that carries it
    candidates: int
    classes: int
    objectness: bool
    candidates_last: bool  # (1, attributes, candidates) instead of (1, candidates, attributes)
    final: bool = False  # rows are x1, y1, x2, y2, score, class
    corners: bool = False  # boxes are x1, y1, x2, y2
    every_class: bool = False  # each class of a candidate counts by itself, not only its best
    suppression: Suppression | None = None  # set where the file fixes how detections are chosen
    details: int = 0  # numbers behind a candidate's scores, which a task reads
    bare: bool = False  # the output is nothing but scores: those of the whole picture

    @property
    def attributes(self) -> int:
        """Numbers per candidate."""
        if self.bare:
            return self.classes
        return (6 if self.final else self.first_score + self.classes) + self.details

    @property
    def first_score(self) -> int:
        """The place of the first class's score among a candidate's numbers."""
        return 4 + int(self.objectness)

    @property
    def first_detail(self) -> int:
        """The place of the first number behind the scores."""
        return self.attributes - self.details

    @property
    def finished(self) -> bool:
        """Whether candidates never suppress each other."""
        return self.final if self.suppression is None else self.suppression.iou >= 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the output tensor."""
        if self.bare:
            return 1, self.classes
        if self.candidates_last:
            return 1, self.attributes, self.candidates
        return 1, self.candidates, self.attributes
