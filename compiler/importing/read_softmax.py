"""Softmax between generic operations, and the convolution behind it that takes the mean of what it distributes.

A distance in a head without anchors is such a mean: shares of bins, times the bins' numbers, summed up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from tvm import ir

from zcc.compiler.ir.needed_ops import drop_dead
from zcc.compiler.ir.ops import Network, Op
from zcc.compiler.ir.plain_ops import Generic, Softmax
from zcc.compiler.ir.tensors import Array, Tensor


def recognise_softmax(network: Network) -> Network:
    """The network with a kernel of ours for every softmax."""
    made: dict[Tensor, Softmax] = {}
    users = network.users()
    ops: list[Op] = []
    for op in network.ops:
        found = _read(op, made, users) if isinstance(op, Generic) else None
        if found is not None:
            made[op.out] = found
        ops.append(found or op)
    return drop_dead(replace(network, ops=ops))


def _read(op: Generic, made: dict[Tensor, Softmax], users: dict[Tensor, list[Op]]) -> Softmax | None:
    if len(op.operands) != 1 or op.out.dtype != "float32":
        return None
    (x,) = op.operands
    if op.call.op.name == "relax.nn.softmax":
        return Softmax(op.out, x, int(op.call.attrs.axis) % len(x.shape))
    softmax = made.get(x)
    if op.call.op.name != "relax.nn.conv2d" or softmax is None or softmax.axis != 1 or len(users[x]) > 1:
        return None
    weights = _constant(op, op.call.args[1])
    if weights is None or weights.shape != (1, x.shape[1], 1, 1) or op.out.shape != (1, 1, *x.shape[2:]):
        return None
    return Softmax(op.out, softmax.x, 1, weights.reshape(-1))


def _constant(op: Generic, expr: Any) -> Array | None:
    return np.asarray(expr.value.numpy()) if isinstance(expr, ir.GenericConst) else op.constants.get(expr)
