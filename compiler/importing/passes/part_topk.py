"""R.topk of values and places -> one of each, so that no tuple stands between operations; who is not asked for goes."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import ir, relax

from zcc.compiler.importing.passes.rewriting import is_call, rewritten

PARTS = ("values", "indices")


@tvm.transform.module_pass(opt_level=0, name="PartTopK")
def part_topk(mod: ir.IRModule, _context: Any) -> ir.IRModule:
    """Rewrite every choice that gives a tuple."""
    return rewritten(mod, _TopKRewriter(mod))


@relax.expr_functor.mutator
class _TopKRewriter(relax.PyExprMutator):  # type: ignore[misc]
    def visit_call_(self, call: Any) -> Any:
        call = super().visit_call_(call)
        if not is_call(call, "relax.topk") or str(call.attrs.ret_type) != "both":
            return call
        attrs = call.attrs
        count, axis, largest, dtype = int(attrs.k), int(attrs.axis), bool(attrs.largest), str(attrs.dtype)
        parts = [relax.op.topk(call.args[0], count, axis, part, largest, dtype) for part in PARTS]
        return relax.Tuple([self.builder_.emit(part) for part in parts])
