"""Masks: a detection's is the sum of prototypes, maps that all share, by coefficients of its own."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.ir.tasks.task import ProbedOutputs, TaskReading
from zcc.runtime.manifest import TaskInfo


@dataclass(frozen=True)
class Segment:
    """Instance segmentation by prototypes."""

    name: str = "segment"
    layout: str = "those, for each box c coefficients, and an output of c prototypes (1, c, h, w)"

    def read(self, seen: ProbedOutputs) -> TaskReading | None:
        """As many prototypes as coefficients, over the whole input."""
        fitting = [name for name, shape in seen.planes.items() if _covers(shape, seen.size) and shape[1] == seen.width]
        if not seen.width or len(fitting) != 1:
            return None
        shape = seen.planes[fitting[0]]
        return TaskReading(TaskInfo(self.name, seen.width, shape[1:]), fitting[0])

    def fault(self, seen: ProbedOutputs) -> str | None:
        """Another number of coefficients, or prototypes that do not lie over the input."""
        if not seen.planes:
            return None
        found = ", ".join(f"{name} {shape}" for name, shape in seen.planes.items())
        height, width = seen.size
        return (
            f"each box has {seen.width} numbers behind its scores, beside {found}: masks take as many coefficients as "
            f"there are prototypes, which divide the input of {height}x{width} evenly"
        )


def _covers(shape: tuple[int, ...], size: tuple[int, int]) -> bool:
    if len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
        return False
    strides = [whole / part for whole, part in zip(size, shape[2:], strict=True)]
    return strides[0] == strides[1] and strides[0] == int(strides[0])


SEGMENT = Segment()
