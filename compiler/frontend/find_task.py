"""Which task a model's outputs are of, and the head among them; how those of ir/tasks are told apart.

As with heads, numbers decide. Where every number behind the box is a probability, the model detects and does nothing
else. Where the probabilities end before the numbers do, what stands behind them is some task's: each row of the table
looks at it, and at the outputs beside it. Class names, where there are some, say where the scores end.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import onnx

from zcc.compiler.frontend.find_head import believable, fills_grid, find_head
from zcc.compiler.frontend.probe import Samples
from zcc.compiler.ir.heads.family import SLACK, Array, Family
from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.heads.table import FAMILIES
from zcc.compiler.ir.tasks.classify import CLASSIFY
from zcc.compiler.ir.tasks.detect import DETECT
from zcc.compiler.ir.tasks.obb import ANGLES, OBB
from zcc.compiler.ir.tasks.table import TASKS
from zcc.compiler.ir.tasks.task import ProbedOutputs, TaskReading
from zcc.runtime.errors import ModelError, UsageError
from zcc.runtime.manifest import TaskInfo

KEYPOINTS = "kpt_shape"  # in the metadata


@dataclass(frozen=True)
class FoundTask:
    """A model's head, and what is done with it."""

    head: Head
    task: TaskReading


def find_task(proto: onnx.ModelProto, samples: Samples, size: tuple[int, int], classes: int | None) -> FoundTask:
    """The head and the task, or an error that says what was seen and what would fit."""
    stated = stated_task(proto)
    found = _find(proto, samples, size, classes, stated)
    if stated not in ("", found.task.info.name):
        shapes = _shapes(samples)
        raise ModelError(f"the model says that its task is {stated}, its outputs are {found.task.info.name}: {shapes}",
                         "export the model again")  # fmt: skip
    return found


def stated_task(proto: onnx.ModelProto) -> str:
    """The task that the exporter named, refused where it is none of ours."""
    known = [task.name for task in TASKS]
    task = next((entry.value for entry in proto.metadata_props if entry.key == "task"), "")
    if task and task not in known:
        raise ModelError(f"the model's task is {task!r}", f"give a model whose task is {' or '.join(known)}")
    return task


def _shapes(samples: Samples) -> str:
    return ", ".join(f"{name} {values[0].shape}" for name, values in samples.items())


def _find(
    proto: onnx.ModelProto, samples: Samples, size: tuple[int, int], classes: int | None, stated: str
) -> FoundTask:
    bare = [head for output, values in samples.items() if (head := CLASSIFY.head(output, values))]
    if len(samples) == len(bare) == 1:
        return _classified(bare[0], classes)
    faults = []
    for head in _detailed(proto, samples, size, classes, stated):
        seen = _seen(proto, samples, head, size)
        reading = next((found for task in TASKS if (found := task.read(seen))), None)
        if reading is not None:
            others = {name: values for name, values in samples.items() if name not in seen.planes}
            return FoundTask(find_head(proto, others, size, classes, head.details), reading)
        faults += [f"{fault} ({task.name})" for task in TASKS if (fault := task.fault(seen))]
    if faults:
        fitting = "; ".join(f"{task.name}: {task.layout}" for task in TASKS)
        raise ModelError(f"the model's outputs do not add up: {'; '.join(faults)}; it gives {_shapes(samples)}",
                         f"zcc compiles {fitting}")  # fmt: skip
    return FoundTask(find_head(proto, samples, size, classes), TaskReading(TaskInfo(DETECT.name)))


def _classified(head: Head, classes: int | None) -> FoundTask:
    if classes not in (None, head.classes):
        raise UsageError(
            f"{classes} class names do not fit the model's {head.classes} classes",
            "give one name per class with --classes FILE",
        )
    return FoundTask(head, TaskReading(TaskInfo(CLASSIFY.name)))


def _detailed(
    proto: onnx.ModelProto, samples: Samples, size: tuple[int, int], classes: int | None, stated: str
) -> Iterator[Head]:
    """The heads with numbers behind their scores that outputs can be; none where they can be boxes alone.

    An angle may look like a score for all that noise tells: that it is none, the exporter says.
    """
    outputs = {name: values for name, values in samples.items() if len(values[0].shape) == 3}
    for name, values in outputs.items():
        plain = [(family, family.read(name, values[0].shape)) for family in FAMILIES]
        if stated != OBB.name and any(head and believable(proto, head, family, values, size) for family, head in plain):
            return
    for name, values in outputs.items():
        for family in FAMILIES:
            width = _width(values, family, classes, stated)
            head = family.read(name, values[0].shape, width) if width else None
            if head and (head.final or fills_grid(head, size)) and believable(proto, head, family, values, size):
                yield head


def _width(values: Sequence[Array], family: Family, classes: int | None, stated: str) -> int:
    """How many numbers stand behind the scores, read in this family; 0 where none do."""
    rows = [value[0].T if family.candidates_last else value[0] for value in values]
    attributes = rows[0].shape[1]
    if family.final:
        return max(attributes - 6, 0)
    if stated == OBB.name:
        return ANGLES
    first = 4 + int(family.objectness)
    scores = classes if classes is not None else _probabilities([each[:, first:] for each in rows])
    return max(attributes - first - scores, 0)


def _probabilities(rows: Sequence[Array]) -> int:
    """How many columns, from the first on, hold nothing beyond 0..1."""
    beyond = [bool(((column < -SLACK) | (column > 1 + SLACK)).any()) for each in rows for column in each.T]
    columns = rows[0].shape[1]
    return next((i for i in range(columns) if any(beyond[i::columns])), columns)


def _seen(proto: onnx.ModelProto, samples: Samples, head: Head, size: tuple[int, int]) -> ProbedOutputs:
    values = samples[head.output]
    rows = [value[0].T if head.candidates_last else value[0] for value in values]
    planes = {name: found[0].shape for name, found in samples.items() if len(found[0].shape) == 4}
    return ProbedOutputs([each[:, head.first_detail :] for each in rows], planes, size, _stated_keypoints(proto))


def _stated_keypoints(proto: onnx.ModelProto) -> tuple[int, ...]:
    """Keypoints and their numbers, as exporters write them: `[17, 3]`."""
    text = next((entry.value for entry in proto.metadata_props if entry.key == KEYPOINTS), "")
    try:
        count, numbers = ast.literal_eval(text)
        return int(count), int(numbers)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ()
