"""Schedules that MetaSchedule's own rules for CPUs make of a function that no template fits.

A schedule is named by the number that its random decisions are drawn with: rules, function and number give the same
schedule every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tvm
from tvm import ir, s_tir, tirx

from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.runtime.errors import BuildError

DRAWS = 24  # schedules that a search may try
MAIN = "main"


@dataclass(frozen=True)
class Sampled:
    """A schedule that is drawn; `seed` 0 stands for the one that needs no rules."""

    seed: int


def sample(function: tirx.PrimFunc, seed: int, unit: VectorUnit) -> tirx.PrimFunc:
    """The function with the schedule of that number; BuildError where the rules make none of it."""
    # Imported here, as few kernels need it.
    from tvm.s_tir import meta_schedule as ms

    from zcc.compiler.backends.cpu.kernels.rules_context import RulesContext

    module = ir.IRModule({MAIN: function.with_attr("global_symbol", MAIN)})
    rules, processors = ms.schedule_rule.ScheduleRule.create("llvm"), ms.postproc.Postproc.create("llvm")
    space = ms.space_generator.PostOrderApply(sch_rules=rules, postprocs=processors, mutator_probs={})
    target = tvm.target.Target({"kind": "llvm", "num-cores": unit.threads})
    designs = RulesContext(module, target, space).generate_design_space()
    schedule = s_tir.Schedule(module, seed=seed)
    design = designs[seed % len(designs)]
    s_tir.schedule.Trace(design.trace.insts, {}).apply_to_schedule(schedule, remove_postproc=True)
    if not all(processor.apply(schedule) for processor in processors):
        raise BuildError(f"the rules for CPUs make nothing of schedule {seed}", "another one is taken")
    return schedule.mod[MAIN]


def drawn() -> tuple[Any, ...]:
    """Every schedule worth trying, the plain one first."""
    return tuple(Sampled(seed) for seed in range(DRAWS + 1))
