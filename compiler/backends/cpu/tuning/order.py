"""The order in which a kernel's forms are measured: the template's own, then the cost model's as soon as it knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from tvm.ir.utils import derived_object
from tvm.s_tir.meta_schedule import MeasureCandidate
from tvm.s_tir.meta_schedule.search_strategy import PySearchStrategy

from zcc.compiler.backends.cpu.forms.workload import chosen_in
from zcc.compiler.backends.cpu.kernels.choices import write_choice


@dataclass
class Allowance:
    """How many trials a search has left, over all its kernels."""

    left: float = inf

    def take(self, wanted: int) -> int:
        """As many of those wanted as there are."""
        taken = int(min(wanted, self.left))
        self.left -= taken
        return taken


@derived_object
class RankedSearch(PySearchStrategy):  # type: ignore[misc]
    """Every form once, the most promising first; forms in `measured` were measured before, on the same target."""

    def __init__(self, measured: frozenset[str], trained: Callable[[], bool], allowance: Allowance) -> None:
        super().__init__()
        self.measured, self.trained, self.allowance = measured, trained, allowance
        self.context: Any = None
        self.left: list[Any] = []
        self.model: Any = None
        self.batch = 0
        self.begun = False

    def _initialize_with_tune_context(self, context: Any) -> None:
        self.context = context

    def pre_tuning(
        self, max_trials: int, num_trials_per_iter: int, design_spaces: list[Any], database: Any, cost_model: Any
    ) -> None:
        """Take the space, without what was measured."""
        self.left = [sch for sch in design_spaces if write_choice(chosen_in(sch.mod)) not in self.measured]
        self.model, self.batch = cost_model, num_trials_per_iter

    def post_tuning(self) -> None:
        """Nothing to clean up."""

    def generate_measure_candidates(self) -> list[Any] | None:
        """The next batch; None when all forms were measured, or as many as were to be."""
        count = self.allowance.take(min(self.batch, len(self.left)))
        if not count:
            return None
        candidates = [MeasureCandidate(sch, []) for sch in self.left]
        if self.begun and self.trained():
            scores = self.model.predict(self.context, candidates)
            order = sorted(range(len(candidates)), key=lambda index: -scores[index])
            candidates = [candidates[index] for index in order]
        self.left = [candidate.sch for candidate in candidates[count:]]
        self.begun = True
        return candidates[:count]

    def notify_runner_results(self, measure_candidates: list[Any], results: list[Any]) -> None:
        """The cost model hears of results by itself."""

    def clone(self) -> RankedSearch:
        """A search that has measured nothing yet."""
        return RankedSearch(self.measured, self.trained, self.allowance)
