"""What every pass over a Relax module does: know a call by its operator, and rewrite each function."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import ir, relax


def is_call(expr: Any, name: str) -> bool:
    """Whether an expression calls the operator of that name."""
    return isinstance(expr, relax.Call) and isinstance(expr.op, ir.Op) and expr.op.name == name


def rewritten(mod: ir.IRModule, rewriter: Any) -> ir.IRModule:
    """The module with every Relax function as the rewriter, made for this module, gives it; what nothing reads goes."""
    for name, function in mod.functions.items():
        if isinstance(function, relax.Function):
            rewriter.builder_.update_func(name, rewriter.visit_expr(function))
    tidy = tvm.transform.Sequential([relax.transform.CanonicalizeBindings(), relax.transform.DeadCodeElimination()])
    return tidy(rewriter.builder_.get())
