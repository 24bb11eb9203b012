"""What the cost model sees of a form: the kernel's sizes, the form's, and how the work comes out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import tvm
from tvm.ir.utils import derived_object
from tvm.s_tir.meta_schedule.feature_extractor import PyFeatureExtractor

from zcc.compiler.kernels.choices import KINDS, Tunable
from zcc.compiler.network.tensors import Array
from zcc.compiler.tuning.workload import chosen_in, kernel_in

SHAPE = ("blocks", "height", "width", "lanes")
FIELDS = tuple(dict.fromkeys(name for kind in KINDS.values() for name in kind.__dataclass_fields__))


@derived_object
class FormFeatures(PyFeatureExtractor):  # type: ignore[misc]
    """One row of numbers for each candidate; `kernels` tells the spec of a workload."""

    def __init__(self, kernels: dict[str, Tunable]) -> None:
        super().__init__()
        self.kernels = kernels

    def extract_from(self, context: Any, candidates: list[Any]) -> list[Any]:
        """As MetaSchedule asks for them."""
        spec = self.kernels[kernel_in(context.mod)]
        return [tvm.runtime.tensor(features(spec, chosen_in(candidate.sch.mod))[None]) for candidate in candidates]


def features(spec: Any, choice: Any) -> Array:
    """Sizes go in as logarithms, since times are products of them."""
    told = asdict(choice)
    kind = list(KINDS.values()).index(type(choice))
    sizes = [getattr(slab, name) for slab in (spec.x, spec.out) for name in SHAPE]
    sizes += [*spec.kernel, *spec.stride, 1 + len(spec.stages), told["blocks"] * told["columns"]]
    width = spec.out.width
    computed = -(-width // told["columns"]) * told["columns"] / width
    row = [kind, *np.log2(np.maximum(sizes, 1)), *(told.get(name, 0) for name in FIELDS), computed]
    return np.array(row, np.float64)
