"""What the entry points for frames are given, and what they leave: their arguments, declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.ir import PrimType
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.frame.formats import FORMATS
from zcc.compiler.ir.heads.head import Suppression
from zcc.runtime.library import CLOCK_READINGS
from zcc.runtime.manifest import TaskInfo


@dataclass(frozen=True)
class FrameArguments:
    """A frame as it is handed in: its planes, bytes from row to row of each, and its size."""

    planes: Sequence[Any]
    pitches: Sequence[Any]
    height: Any
    width: Any

    @classmethod
    def declare(cls, name: str) -> FrameArguments:
        """The arguments for a frame of a format."""
        height, width = (tirx.Var(side, PrimType("int32")) for side in ("height", "width"))
        planes, pitches = [], []
        for number, plane in enumerate(FORMATS[name].planes):
            pitches.append(tirx.Var(f"pitch{number}", PrimType("int32")))
            buffer = T.Buffer(plane.shape(height, width), "uint8", strides=plane.strides(pitches[-1]), align=1)
            planes.append(T.arg(f"plane{number}", buffer))
        return cls(planes, pitches, height, width)

    @property
    def symbols(self) -> tuple[Any, ...]:
        """What a kernel that reads the frame is told of its size."""
        return (self.height, self.width, *self.pitches)


def declare_thresholds(fixed: Suppression | None) -> tuple[Any, Any]:
    """The caller's thresholds, or what the file's own suppression makes of them."""
    conf, iou = T.arg("conf", T.float32()), T.arg("iou", T.float32())
    if fixed is None:
        return conf, iou
    return tirx.max(conf, tirx.const(fixed.score, "float32")), tirx.const(fixed.iou, "float32")


def declare_found(max_det: int, task: TaskInfo) -> list[Any]:
    """Boxes, scores, classes, their number, and the details of tasks that have some."""
    found = [
        T.arg("boxes", T.Buffer((max_det, 4), "float32", align=4)),
        T.arg("scores", T.Buffer((max_det,), "float32", align=4)),
        T.arg("classes", T.Buffer((max_det,), "int32", align=4)),
        T.arg("count", T.Buffer((1,), "int32", align=4)),
    ]
    if task.details:
        found.append(T.arg("details", T.Buffer((max_det, task.details), "float32", align=4)))
    return found


def declare_clock(clocked: bool) -> Any:
    """Readings of the clock, where it is read."""
    return T.arg("clock", T.Buffer((2 * CLOCK_READINGS,), "int64")) if clocked else None


def declare_edges() -> Any:
    """The share of edges."""
    return T.arg("edges", T.Buffer((1,), "float32", align=4))
