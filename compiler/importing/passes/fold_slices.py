"""Slices of slices and of concatenations -> slices of what they were made from.

After `fold_scatter` an in-place decode reads back what it has just written. This pass removes the round trip,
and what remains is the graph that an export without in-place decode would have given.
"""

from __future__ import annotations

from typing import Any

import tvm
from tvm import ir, relax

from zcc.compiler.importing.passes.rewriting import is_call, rewritten
from zcc.compiler.importing.passes.static_slice import Cut, make_slice, read_slice, static_shape


@tvm.transform.module_pass(opt_level=0, name="FoldSlices")
def fold_slices(mod: ir.IRModule, _context: Any) -> ir.IRModule:
    """Take every slice from as far back as possible."""
    return rewritten(mod, _SliceFolder(mod))


@relax.expr_functor.mutator
class _SliceFolder(relax.PyExprMutator):  # type: ignore[misc]
    def visit_call_(self, call: Any) -> Any:
        call = super().visit_call_(call)
        cut = read_slice(call)
        return call if cut is None else self.taken(cut)

    def taken(self, cut: Cut) -> Any:
        """The value of a cut, from the earliest tensors that hold it."""
        made = self.origin(cut.data)
        earlier = read_slice(made)
        if earlier is not None and earlier.axis == cut.axis:
            return self.taken(Cut(earlier.data, cut.axis, earlier.begin + cut.begin, earlier.begin + cut.end))
        pieces = pieces_of(made, cut)
        if pieces is None:
            return self.builder_.emit(make_slice(cut))
        taken = [self.taken(piece) for piece in pieces]
        return taken[0] if len(taken) == 1 else self.builder_.emit(relax.op.concat(taken, cut.axis))

    def origin(self, expr: Any) -> Any:
        """The expression that a variable stands for, through any further names it has."""
        while isinstance(expr, ir.Var):
            expr = self.lookup_binding(expr)
        return expr


def pieces_of(made: Any, cut: Cut) -> list[Cut] | None:
    """The cuts of a concatenation's parts that make up a cut of the whole; None when it is no such thing."""
    shape = static_shape(cut.data)
    if shape is None or not is_call(made, "relax.concat") or int(made.attrs.axis) % len(shape) != cut.axis:
        return None
    pieces, offset = [], 0
    for part in made.args[0].fields:
        extents = static_shape(part)
        if extents is None:
            return None
        begin, end = max(cut.begin - offset, 0), min(cut.end - offset, extents[cut.axis])
        if begin < end:
            pieces.append(Cut(part, cut.axis, begin, end))
        offset += extents[cut.axis]
    return pieces
