"""R.shape_to_tensor of what is known -> its numbers: the importer asks tensors for sizes that are all static here."""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm
from tvm import ir, relax, tirx

from zcc.compiler.importing.passes.rewriting import is_call, rewritten


@tvm.transform.module_pass(opt_level=0, name="FoldShapes")
def fold_shapes(mod: ir.IRModule, _context: Any) -> ir.IRModule:
    """Rewrite every shape that is read as numbers."""
    return rewritten(mod, _ShapeFolder(mod))


@relax.expr_functor.mutator
class _ShapeFolder(relax.PyExprMutator):  # type: ignore[misc]
    def visit_call_(self, call: Any) -> Any:
        call = super().visit_call_(call)
        sizes = call.args[0].ty.values if is_call(call, "relax.shape_to_tensor") else None
        if sizes is None or not all(isinstance(size, int | tirx.IntImm) for size in sizes):
            return call
        return relax.const(np.array([int(size) for size in sizes], np.int64), "int64")
