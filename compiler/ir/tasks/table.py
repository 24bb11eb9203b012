"""The tasks that zcc compiles: one row and one file each."""

from __future__ import annotations

from zcc.compiler.ir.tasks.classify import CLASSIFY
from zcc.compiler.ir.tasks.detect import DETECT
from zcc.compiler.ir.tasks.obb import OBB
from zcc.compiler.ir.tasks.pose import POSE
from zcc.compiler.ir.tasks.segment import SEGMENT
from zcc.compiler.ir.tasks.task import Task

TASKS: tuple[Task, ...] = (DETECT, SEGMENT, OBB, POSE, CLASSIFY)  # the first that fits is the one
