"""The cost model: boosted trees that guess, from a kernel's sizes and a form's, how the form does against the best."""

from __future__ import annotations

from dataclasses import asdict
from math import log2
from typing import Any

import numpy as np
from tvm.ir.utils import derived_object
from tvm.s_tir.meta_schedule.cost_model import PyCostModel

from zcc.compiler.backends.cpu.forms.workload import chosen_in, kernel_in
from zcc.compiler.backends.cpu.kernels.choices import KINDS, Tunable
from zcc.compiler.ir.tensors import Array

# Chosen by hand; whether a search with it finds more than one at random, `python -m benchmarks.tuning` shows.
ROUNDS = 80  # trees
SEED = 20241
WARM_UP = 48  # results before it has a say
GROWTH = 1.2  # it is trained anew when it has so many times the results it was trained on
FAILED = 0.0  # the score of a form that failed; that of a kernel's quickest is 1
SIZES = 15  # how many sizes describe a convolution
FIELDS = tuple(dict.fromkeys(name for kind in KINDS.values() for name in kind.__dataclass_fields__))


@derived_object
class BoostedTrees(PyCostModel):  # type: ignore[misc]
    """Scores forms: the greater, the quicker; `kernels` tells the spec of a workload by its description."""

    def __init__(self, kernels: dict[str, Tunable]) -> None:
        super().__init__()
        self.kernels = kernels
        self.rows: dict[str, list[Array]] = {}
        self.seconds: dict[str, list[float]] = {}
        self.trained_on = 0
        self.trees: Any = None

    @property
    def trained(self) -> bool:
        """Whether it has seen enough to have a say."""
        return self.trees is not None

    def update(self, context: Any, candidates: list[Any], results: list[Any]) -> None:
        """Learn from what was measured."""
        kernel = kernel_in(context.mod)
        self.rows.setdefault(kernel, []).extend(self._rows(context, candidates))
        seconds = [float(result.run_secs[0]) if result.run_secs else np.inf for result in results]
        self.seconds.setdefault(kernel, []).extend(seconds)
        count = sum(map(len, self.seconds.values()))
        if count >= max(WARM_UP, GROWTH * self.trained_on):
            self._train()
            self.trained_on = count

    def predict(self, context: Any, candidates: list[Any]) -> Array:
        """A score for each candidate; all the same before it was trained."""
        if not self.trained:
            return np.ones(len(candidates))
        rows = _matrix(np.stack(self._rows(context, candidates)))
        return np.asarray(self.trees.predict(rows), np.float64)

    def load(self, path: str) -> None:
        """It learns from records, not from files of its own."""

    def save(self, path: str) -> None:
        """It keeps nothing that the records do not."""

    def _rows(self, context: Any, candidates: list[Any]) -> list[Array]:
        spec = self.kernels[kernel_in(context.mod)]
        return [features(spec, chosen_in(candidate.sch.mod)) for candidate in candidates]

    def _train(self) -> None:
        scores = [_scores(np.array(seconds)) for seconds in self.seconds.values()]
        rows = np.stack([row for rows in self.rows.values() for row in rows])
        import xgboost

        known = _matrix(rows, np.concatenate(scores))
        settings = {"max_depth": 6, "eta": 0.15, "nthread": 1, "seed": SEED, "verbosity": 0}
        self.trees = xgboost.train(settings, known, ROUNDS)


def _matrix(rows: Array, scores: Array | None = None) -> Any:
    import xgboost  # brings scipy along: seconds, which a short search has a better use for

    return xgboost.DMatrix(rows, scores)


def features(spec: Any, choice: Any) -> Array:
    """Sizes go in as logarithms, since times are products of them; a drawn schedule is but its name."""
    form = asdict(choice)
    kind = list(KINDS.values()).index(type(choice))
    chosen = [int(form.get(name, 0)) for name in FIELDS]
    return np.array([kind, *chosen, *(_sizes(spec, form) if hasattr(spec, "x") else [0.0] * SIZES)], np.float64)


def _sizes(spec: Any, form: dict[str, Any]) -> list[float]:
    sizes = [getattr(slab, name) for slab in (spec.x, spec.out) for name in ("blocks", "height", "width", "lanes")]
    sizes += [*spec.kernel, *spec.stride, 1 + len(spec.stages), form["blocks"] * form["columns"]]
    computed = -(-spec.out.width // form["columns"]) * form["columns"] / spec.out.width
    return [*map(log2, sizes), computed]


def _scores(seconds: Array) -> Array:
    """The quickest's seconds as a share of each one's."""
    sound = np.isfinite(seconds)
    return np.where(sound, seconds.min() / np.where(sound, seconds, 1.0), FAILED)
