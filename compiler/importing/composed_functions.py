"""Elementwise functions that take several operators to write: x * sigmoid(x), x * clip(x + 3, 0, 6) / 6 and the like.

An operator whose two operands are both functions of one map is a function of that map. Where such a function is, on a
grid of numbers, one that has a name, it gets the name; where not, it stays a `fork` of its branches.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zcc.compiler.ir.activations import ACTIVATIONS, OPERATORS, Branch, evaluate
from zcc.compiler.ir.ops import Network, Op, Pointwise
from zcc.compiler.ir.tensors import Activation, Channelwise, Combine, Stage, Tensor

GRID = np.linspace(-12, 12, 2401)
TOLERANCE = 1e-5


def recognise_functions(network: Network) -> Network:
    """The same network with functions of one map as one activation each, as far as that can be said."""
    makers: dict[Tensor, Op] = {}
    ops: list[Op] = []
    for op in network.ops:
        curve = _curve(op, makers) if isinstance(op, Pointwise) else None
        ops.append(op if curve is None else curve)
        makers.update(dict.fromkeys(op.outputs, ops[-1]))
    return replace(network, ops=ops)


def _curve(op: Pointwise, makers: dict[Tensor, Op]) -> Pointwise | None:
    """The operation as one activation of an earlier map."""
    (stage, *more) = op.stages
    if isinstance(stage, Combine):
        return None if more else _join(op, stage, makers)
    for root, branch in reversed(_origins(op.out, {**makers, op.out: op})[1:]):
        name = _name_of(branch)
        if name is not None and (name, ()) != branch[-1]:
            return Pointwise(op.out, root, [Activation(name)])
    return None


def _join(op: Pointwise, stage: Combine, makers: dict[Tensor, Op]) -> Pointwise | None:
    """An operator between two branches from the same map."""
    left, right = _origins(op.x, makers), _origins(stage.other, makers)
    for root, branch in left:
        other = next((branch for tensor, branch in right if tensor is root), None)
        if other is not None and stage.operator in OPERATORS:
            parameters = (stage.operator, branch, other)
            name = _name_of((("fork", parameters),))
            return Pointwise(op.out, root, [Activation(name) if name else Activation("fork", parameters)])
    return None


def _origins(tensor: Tensor, makers: dict[Tensor, Op]) -> list[tuple[Tensor, Branch]]:
    """The maps that the tensor is an elementwise function of, the nearest first, with that function."""
    found: list[tuple[Tensor, Branch]] = [(tensor, ())]
    while isinstance(maker := makers.get(found[-1][0]), Pointwise):
        before = _branch(maker.stages)
        if before is None:
            break
        found.append((maker.x, (*before, *found[-1][1])))
    return found


def _branch(stages: list[Stage]) -> Branch | None:
    """The stages as activations, None where they need more than the value itself."""
    branch = []
    for stage in stages:
        if isinstance(stage, Activation) and stage.name in ACTIVATIONS:
            branch.append((stage.name, stage.parameters))
        elif isinstance(stage, Channelwise) and np.ptp(stage.values) == 0:
            name = {"add": "shift", "multiply": "scale"}[stage.operator]
            branch.append((name, (float(stage.values[0]),)))
        else:
            return None
    return tuple(branch)


def _name_of(branch: Branch) -> str | None:
    """The name of the function that the branch is."""
    with np.errstate(all="ignore"):
        values = evaluate(branch, GRID)
    known = ((name, row) for name, row in ACTIVATIONS.items() if row.written_out)
    return next((name for name, row in known if np.allclose(values, row.of(GRID), 0, TOLERANCE)), None)
