"""What a network does on plain tensors, such as the decoding of heads that no kernel knows.

TVM makes functions of it; each loop nest of theirs becomes an operation of its own, since a kernel ends where all
threads must have done their part. Copies stand where such operations meet those on maps.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from tvm import ir, tirx
from tvm.s_tir.stmt import SBlock, SBlockRealize
from tvm_ffi import structural_map, structural_walk

from zcc.compiler.backends.common.generic import lower_regions
from zcc.compiler.backends.cuda.kernels.generic import OPERAND
from zcc.compiler.ir.needed_ops import drop_dead
from zcc.compiler.ir.ops import Conv, Copy, Network, Op, Pointwise
from zcc.compiler.ir.plain_ops import Alias, Lowered
from zcc.compiler.ir.tensors import Activation, Array, Tensor
from zcc.compiler.precision.rewrite import mapped

PLAIN = (Lowered, Alias)  # operations on plain tensors


def lower_generic(network: Network) -> Network:
    """The network with functions of TVM's for its generic operations."""
    return lower_regions(network, {})


def in_loop_nests(network: Network) -> Network:
    """The network with each function's loop nests by themselves."""
    ops = [each for op in network.ops for each in (loop_nests(op) if isinstance(op, Lowered) else [op])]
    return replace(network, ops=ops)


def loop_nests(op: Lowered) -> list[Lowered]:
    """The function's loop nests, in order, and tensors for what they hand to each other."""
    root = op.function.body.block
    values: dict[Any, Tensor | Array] = dict(zip(op.function.params, [*op.operands, *op.made], strict=True))
    for number, buffer in enumerate(root.alloc_buffers):
        shape = tuple(int(extent) for extent in buffer.ty.shape)
        values[buffer] = Tensor(f"{op.out.name}_inner{number}", shape, str(buffer.ty.dtype))
    statements = list(root.body.seq) if isinstance(root.body, tirx.SeqStmt) else [root.body]
    return [_loop_nest(statement, values, op.title) for statement in statements]


def _loop_nest(statement: Any, values: dict[Any, Tensor | Array], title: str) -> Lowered:
    stored: dict[Any, None] = {}
    named_there: dict[Any, None] = {}
    structural_walk(statement, (tirx.BufferStore, lambda store: stored.setdefault(store.buffer)))
    structural_walk(statement, (ir.Var, lambda var: named_there.setdefault(var)))
    written, read = list(stored), [var for var in named_there if var in values and var not in stored]
    named = {buffer: tirx.Var(f"{OPERAND}{number}", buffer.ty) for number, buffer in enumerate([*read, *written])}
    body = structural_map(statement, (ir.Var, lambda var: named.get(var, var)))
    function = tirx.PrimFunc(list(named.values()), SBlockRealize([], True, SBlock([], [], [], "root", body)))
    made = [values[buffer] for buffer in written]
    tensors = [each for each in made if isinstance(each, Tensor)]
    return Lowered(
        tensors[0], function.with_attr("tirx.noalias", True), title, [values[each] for each in read], tensors
    )


def with_colours(network: Network, unit: float) -> Network:
    """The network with the image scaled for those that are no convolutions, where a stored 1 is not all of a colour."""
    if unit == 1:
        return network
    scaled = Tensor(f"{network.image.name}_colours", network.image.shape)
    colours = Pointwise(scaled, network.image, [Activation("scale", (unit,))])
    elsewhere = {network.image: scaled}
    ops = [op if isinstance(op, Conv) else _reading(op, elsewhere) for op in network.ops]
    return drop_dead(replace(network, ops=[colours, *ops]))


def separate_plain(network: Network) -> Network:
    """A copy wherever an operation on plain tensors reads a map, or one on maps a plain tensor."""
    plain: set[Tensor] = set()
    copies: dict[Tensor, Tensor] = {}
    ops: list[Op] = []

    def copied(tensor: Tensor) -> Tensor:
        if tensor not in copies:
            copies[tensor] = Tensor(f"{tensor.name}_copy", tensor.shape)
            ops.append(Copy(copies[tensor], tensor))
        return copies[tensor]

    for op in network.ops:
        wants_plain = isinstance(op, PLAIN)
        elsewhere = {each: copied(each) for each in dict.fromkeys(op.inputs) if (each in plain) != wants_plain}
        ops.append(_reading(op, elsewhere) if elsewhere else op)
        if wants_plain:
            plain.update(op.outputs)
    return replace(network, ops=ops)


def _reading(op: Op, elsewhere: dict[Tensor, Tensor]) -> Op:
    """The operation with other tensors in the place of some that it reads."""

    def seen(tensor: Tensor) -> Tensor:
        return elsewhere.get(tensor, tensor)

    read = [field.name for field in fields(op) if field.name not in ("out", "made")]
    return replace(op, **{name: mapped(getattr(op, name), seen) for name in read})
