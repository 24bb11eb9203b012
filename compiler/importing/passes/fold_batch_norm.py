"""R.nn.batch_norm of constants -> a multiplication and an addition, which fuse with what stands before or behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm
from tvm import ir, relax

from zcc.compiler.importing.passes.rewriting import is_call, rewritten
from zcc.compiler.importing.passes.static_slice import static_shape


@tvm.transform.module_pass(opt_level=0, name="FoldBatchNorm")
def fold_batch_norm(mod: ir.IRModule, _context: Any) -> ir.IRModule:
    """Rewrite every normalisation whose statistics are constants, as they are in a trained model."""
    return rewritten(mod, _BatchNormFolder(mod))


@relax.expr_functor.mutator
class _BatchNormFolder(relax.PyExprMutator):  # type: ignore[misc]
    def visit_tuple_getitem_(self, item: Any) -> Any:
        item = super().visit_tuple_getitem_(item)
        source = item.tuple_value
        norm = self.lookup_binding(source) if isinstance(source, ir.Var) else source
        if item.index != 0 or not is_call(norm, "relax.nn.batch_norm"):
            return item
        shape, axis = static_shape(norm.args[0]), int(norm.attrs.axis)
        statistics = [argument for argument in norm.args[1:] if isinstance(argument, ir.GenericConst)]
        if shape is None or len(statistics) != 4:
            return item
        scale, shift = normalisation(norm.attrs, *(np.asarray(value.value.numpy()) for value in statistics))
        along = [extent if index == axis % len(shape) else 1 for index, extent in enumerate(shape)]
        scaled = self.builder_.emit(relax.op.multiply(norm.args[0], relax.const(scale.reshape(along))))
        return self.builder_.emit(relax.op.add(scaled, relax.const(shift.reshape(along))))


def normalisation(attrs: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> tuple[Any, Any]:
    """What each channel is multiplied by, and what is added to it."""
    scale = 1 / np.sqrt(variance.astype(np.float64) + float(attrs.epsilon))
    if attrs.scale:
        scale = scale * gamma
    shift = -mean * scale + (beta if attrs.center else 0)
    return scale.astype(np.float32), shift.astype(np.float32)
