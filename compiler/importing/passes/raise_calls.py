"""R.call_tir of what the importer lowered itself -> the operator that it stands for, so that later steps know it.

The importer gives padding, and the bounds of a clip, as functions. By how much is padded is read off the function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tvm
from tvm import ir, relax, s_tir, sym, tirx

from zcc.compiler.importing.passes.constant_value import constant_value
from zcc.compiler.importing.passes.rewriting import is_call, rewritten
from zcc.compiler.importing.passes.static_slice import static_shape


@tvm.transform.module_pass(opt_level=0, name="RaiseCalls")
def raise_calls(mod: ir.IRModule, _context: Any) -> ir.IRModule:
    """Rewrite every call of a function that is known; others stay."""
    return rewritten(mod, _CallRaiser(mod))


@relax.expr_functor.mutator
class _CallRaiser(relax.PyExprMutator):  # type: ignore[misc]
    def __init__(self, mod: ir.IRModule) -> None:
        super().__init__(mod)
        self.mod = mod

    def visit_call_(self, call: Any) -> Any:
        call = super().visit_call_(call)
        if not is_call(call, "relax.call_tir"):
            return call
        name = call.args[0].name_hint.rstrip("0123456789_")
        arguments = [self.known(argument) for argument in call.args[1].fields]
        raised = RAISED[name](self.mod[call.args[0]], arguments) if name in RAISED else None
        return call if raised is None else self.builder_.emit(raised)

    def known(self, argument: Any) -> Any:
        """The argument, as a constant where its value is known."""
        value = constant_value(argument, self.lookup_binding)
        return argument if value is None else relax.const(value, argument.ty.dtype)


def _padding(function: Any, arguments: list[Any]) -> Any:
    """As `nn.pad`, when one value surrounds the data."""
    widths = padded_by(function)
    if widths is None:
        return None
    before, outside = widths
    shape, padded = static_shape(arguments[0]), [int(extent) for extent in function.params[-1].ty.shape]
    if shape is None:
        return None
    after = [whole - extent - first for whole, extent, first in zip(padded, shape, before, strict=True)]
    flat = [width for pair in zip(before, after, strict=True) for width in pair]
    return relax.op.nn.pad(arguments[0], flat, pad_value=outside)


def padded_by(function: tirx.PrimFunc) -> tuple[list[int], float] | None:
    """How much a function puts before its argument on each axis, and of what."""
    schedule = s_tir.Schedule(function)
    blocks = schedule.get_child_blocks(schedule.get_sblock("root"))
    store = schedule.get(blocks[0]).body
    if len(blocks) != 1 or not is_choice(store.value):
        return None
    _, inside, outside = store.value.args
    moved = [sym.Analyzer().simplify(i - at) for i, at in zip(store.indices, inside.indices, strict=True)]
    if not isinstance(outside, tirx.FloatImm) or not all(isinstance(width, tirx.IntImm) for width in moved):
        return None
    return [int(width) for width in moved], float(outside.value)


def is_choice(value: Any) -> bool:
    """Whether the expression is something loaded where a condition holds, and something else where not."""
    choice = isinstance(value, ir.Call) and getattr(value.op, "name", None) == "prim.if_then_else"
    return choice and isinstance(value.args[1], ir.TensorLoad)


RAISED: dict[str, Callable[[Any, list[Any]], Any]] = {
    "maximum": lambda _, arguments: relax.op.maximum(*arguments),
    "minimum": lambda _, arguments: relax.op.minimum(*arguments),
    "pad": _padding,
}
