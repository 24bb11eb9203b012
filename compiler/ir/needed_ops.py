"""Which operations of a network its results depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from zcc.compiler.ir.ops import Network, Op
from zcc.compiler.ir.tensors import Tensor


def ops_for(results: Sequence[Tensor], ops: Sequence[Op]) -> list[Op]:
    """The operations that the results depend on, in order."""
    needed = set(results)
    kept: list[Op] = []
    for op in reversed(ops):
        if any(tensor in needed for tensor in op.outputs):
            kept.append(op)
            needed.update(op.inputs)
    return kept[::-1]


def drop_dead(network: Network) -> Network:
    """The network without operations that nobody reads."""
    return replace(network, ops=ops_for(network.results, network.ops))
