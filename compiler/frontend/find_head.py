"""Which output of a model is a detection head, and of which family: how those of ir/heads are told apart.

Shapes alone do not decide. `(1, N, 6)` may be finished detections, one class with objectness or two without;
`(1, N, 85)` may or may not hold objectness. The evidence, in the order in which it is taken:

1. What the numbers are. The network was run on noise and on wild pixels: scores stay within 0..1 on both, and
   the class column of finished detections holds whole numbers. Masks, keypoints, angles and scores that never
   saw a sigmoid do not, so other tasks fall out here.
2. Whether candidates were selected. Finished detections descend from a TopK or a NonMaxSuppression; without
   one they are believed only when N cannot be the number of anchors of an input of this size.
3. The number of classes, where the metadata or `--classes` say it: it must fit exactly.
4. The number of candidates per cell of the feature maps. Heads with objectness have three anchors in a cell,
   those without have one point. The two cannot be confused: the cells of adjacent strides sum up to
   (4^a - 4^b) / 3 times a unit, and three times such a number is never another one. Heads with one point and an
   objectness show it in the graph (see `objectness`), where no class names do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx

from zcc.compiler.frontend.objectness import shows_objectness
from zcc.compiler.frontend.probe import Samples
from zcc.compiler.frontend.prune import ancestors
from zcc.compiler.frontend.selection import classes_selected_from, selects
from zcc.compiler.ir.heads.family import Array, Family
from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.heads.table import FAMILIES, family_of
from zcc.runtime.errors import ModelError, UsageError

STRIDES = (4, 8, 16, 32, 64)


def find_head(
    proto: onnx.ModelProto, samples: Samples, size: tuple[int, int], classes: int | None, details: int = 0
) -> Head:
    """The one output that is a detection head and how to read it, or a ModelError that says what was seen.

    `samples` are the outputs' values on the two probe images, `classes` the number of names, where known; `details`
    numbers of another task follow the scores.
    """
    possible = [
        head
        for output, values in samples.items()
        for family in FAMILIES
        if (head := family.read(output, values[0].shape, details)) and believable(proto, head, family, values, size)
    ]
    fitting = [head for head in possible if head.final or classes in (None, head.classes)]
    apart = [head for head in fitting if classes is None and _is_apart(proto, head, size)]
    expected = apart or [head for head in fitting if head.final or fills_grid(head, size)]
    chosen = expected or (fitting if classes is not None else [])
    if len(chosen) != 1:
        raise refusal(samples, possible, fitting, classes)
    return count_classes(proto, chosen[0], classes) if chosen[0].final else chosen[0]


def fills_grid(head: Head, size: tuple[int, int]) -> bool:
    """Whether there are as many candidates as the family has in the cells of such an input."""
    return (per_cell(head.candidates, size) or 0) == family_of(head).per_cell


def _is_apart(proto: onnx.ModelProto, head: Head, size: tuple[int, int]) -> bool:
    """Whether there is an objectness though a cell has one candidate, as the graph shows: YOLOX, decoded."""
    return head.objectness and per_cell(head.candidates, size) == 1 and shows_objectness(proto, head)


def readings(output: str, shape: Sequence[int], size: tuple[int, int], details: int = 0) -> list[Head]:
    """The heads of raw candidates that a shape can stand for, going by the number of candidates too."""
    found = [head for family in FAMILIES if (head := family.read(output, shape, details)) and not head.final]
    return [head for head in found if per_cell(head.candidates, size) is not None]


def believable(proto: onnx.ModelProto, head: Head, family: Family, values: list[Array], size: tuple[int, int]) -> bool:
    """Whether the values, and how they came about, can be what the head says."""
    selected = selects(ancestors(proto.graph, head.output))
    if head.final and not (selected or per_cell(head.candidates, size) is None):
        return False
    if family.queries and not (selected and per_cell(head.candidates, size) is None):
        return False
    if selected and not (head.final or family.queries):
        return False
    rows = [value[0].T if head.candidates_last else value[0] for value in values]
    return all(value.shape == values[0].shape for value in values) and all(
        family.plausible(row[:, : head.first_detail], family) for row in rows
    )


def per_cell(candidates: int, size: tuple[int, int]) -> int | None:
    """How many candidates each cell must have for the count to come about; None if it cannot."""
    cells = [(size[0] // stride) * (size[1] // stride) for stride in STRIDES]
    for first in range(len(cells)):
        for last in range(first + 2, len(cells) + 1):
            for anchors in sorted({family.per_cell for family in FAMILIES if family.per_cell}):
                if candidates == anchors * sum(cells[first:last]):
                    return anchors
    return None


def count_classes(proto: onnx.ModelProto, head: Head, classes: int | None) -> Head:
    """Finished detections do not show how many classes there are; the names or the graph must."""
    found = classes or classes_selected_from(proto, head.output)
    if not found:
        raise ModelError(
            f"the end-to-end output {head.output} does not show how many classes there are",
            "name them with --classes FILE",
        )
    fields: dict[str, Any] = {**vars(head), "classes": found}
    return Head(**fields)


def refusal(samples: Samples, possible: list[Head], fitting: list[Head], classes: int | None) -> Exception:
    """The error that says why no head, or more than one, was found."""
    seen = ", ".join(f"{name} {values[0].shape}" for name, values in samples.items())
    if not possible:
        supported = ", ".join(f"{family.layout} {family.name}" for family in FAMILIES)
        return ModelError(
            f"no output is a detection head; the model gives {seen}",
            f"zcc compiles decoded detections, boxes in pixels and scores in 0..1: {supported}",
        )
    if not fitting:
        counts = " or ".join(str(count) for count in sorted({head.classes for head in possible}))
        return UsageError(
            f"{classes} class names do not fit the model's {counts} classes ({seen})",
            "give one name per class with --classes FILE",
        )
    readings = " or ".join(f"{head.family} with {head.classes} classes ({head.output})" for head in fitting)
    return ModelError(
        f"the model's outputs can be read as {readings}; it gives {seen}",
        "settle it by naming the classes with --classes FILE",
    )
