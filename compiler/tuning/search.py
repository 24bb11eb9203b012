"""The order in which a kernel's forms are measured: the template's own, then the cost model's as soon as it knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm.ir.utils import derived_object
from tvm.s_tir.meta_schedule import MeasureCandidate
from tvm.s_tir.meta_schedule.search_strategy import PySearchStrategy

from zcc.compiler.kernels.choices import write_choice
from zcc.compiler.tuning.workload import chosen_in


@derived_object
class RankedSearch(PySearchStrategy):  # type: ignore[misc]
    """Every form once, the most promising first; forms in `measured` were measured before, on the same target."""

    def __init__(self, measured: frozenset[str], trained: Callable[[], bool]) -> None:
        super().__init__()
        self.measured, self.trained = measured, trained
        self.context: Any = None
        self.left: list[Any] = []
        self.model: Any = None
        self.batch = 0
        self.asked = 0
        self.most = 0

    def _initialize_with_tune_context(self, context: Any) -> None:
        self.context = context

    def pre_tuning(
        self, max_trials: int, num_trials_per_iter: int, design_spaces: list[Any], database: Any, cost_model: Any
    ) -> None:
        """Take the space, without what was measured."""
        self.left = [sch for sch in design_spaces if write_choice(chosen_in(sch.mod)) not in self.measured]
        self.model, self.batch, self.most = cost_model, num_trials_per_iter, max_trials

    def post_tuning(self) -> None:
        """Nothing to clean up."""

    def generate_measure_candidates(self) -> list[Any] | None:
        """The next batch; None when all forms were measured, or as many as were to be."""
        if not self.left or self.asked >= self.most:
            return None
        candidates = [MeasureCandidate(sch, []) for sch in self.left]
        if self.asked and self.trained():
            scores = self.model.predict(self.context, candidates)
            order = sorted(range(len(candidates)), key=lambda index: -scores[index])
            candidates = [candidates[index] for index in order]
        chosen = candidates[: min(self.batch, self.most - self.asked)]
        self.left = [candidate.sch for candidate in candidates[len(chosen) :]]
        self.asked += len(chosen)
        return chosen

    def notify_runner_results(self, measure_candidates: list[Any], results: list[Any]) -> None:
        """The cost model hears of results by itself."""

    def clone(self) -> RankedSearch:
        """A search that has measured nothing yet."""
        return RankedSearch(self.measured, self.trained)
