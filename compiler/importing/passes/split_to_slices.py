"""R.split -> R.strided_slice: every part is a value of its own, so no tuple stands between operations."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import tvm
from tvm import ir, relax

from zcc.compiler.importing.passes.rewriting import is_call, rewritten


@tvm.transform.module_pass(opt_level=0, name="SplitToSlices")
def split_to_slices(mod: ir.IRModule, _context: Any) -> ir.IRModule:
    """Rewrite every split of a tensor with static shape into slices."""
    return rewritten(mod, _SplitRewriter(mod))


@relax.expr_functor.mutator
class _SplitRewriter(relax.PyExprMutator):  # type: ignore[misc]
    def visit_call_(self, call: Any) -> Any:
        call = super().visit_call_(call)
        if not is_call(call, "relax.split"):
            return call
        data, attrs = call.args[0], call.attrs
        extents = [int(extent) for extent in data.ty.shape.values]
        axis = int(attrs.axis) % len(extents)
        bounds = _bounds(attrs.indices_or_sections, extents[axis])
        slices = [relax.op.strided_slice(data, [axis], [begin], [end]) for begin, end in pairwise(bounds)]
        return relax.Tuple([self.builder_.emit(part) for part in slices])


def _bounds(indices_or_sections: Any, extent: int) -> list[int]:
    if isinstance(indices_or_sections, int | tvm.tirx.IntImm):
        size = -(-extent // int(indices_or_sections))
        return [*range(0, extent, size), extent]
    return [0, *(int(index) for index in indices_or_sections), extent]
