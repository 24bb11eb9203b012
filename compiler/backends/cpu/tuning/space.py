"""The design space of a kernel: one schedule for each of its choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm.s_tir import Schedule
from tvm.s_tir import meta_schedule as ms

from zcc.compiler.backends.cpu.forms.workload import BLOCK, CHOICE_MARK
from zcc.compiler.backends.cpu.kernels.choices import write_choice


def space_of(choices: Sequence[Any]) -> ms.SpaceGenerator:
    """One schedule for each choice, in their order."""

    def schedules(whole: Schedule) -> list[Schedule]:
        return [_marked(whole, write_choice(choice)) for choice in choices]

    return ms.space_generator.ScheduleFn(schedules, sch_rules=[], postprocs=[], mutator_probs={})


def _marked(whole: Schedule, choice: str) -> Schedule:
    sch = whole.copy()
    sch.annotate(sch.get_sblock(BLOCK), CHOICE_MARK, choice)
    return sch
