"""Which maps must share one `Quantisation`, so that what only moves bytes need not change them.

A concat, a slice, a pool, a shuffle and an enlargement hand bytes on as they are: what they read and make is tied.
Convolutions and elementwise stages compute in between, and every operand keeps a scale of its own there.
"""

from __future__ import annotations

from collections.abc import Sequence

from zcc.compiler.ir.ops import Concat, MaxPool, Op, Resize, Shuffle, Slice
from zcc.compiler.ir.tensors import Tensor

MOVES = (Concat, MaxPool, Resize, Shuffle, Slice)


class Ties:
    """The groups of maps that share a quantisation; a map that nothing ties is a group of its own."""

    def __init__(self, ops: Sequence[Op]) -> None:
        self._parent: dict[Tensor, Tensor] = {}
        for op in ops:
            for tensor in (*op.inputs, *op.outputs):
                self._parent.setdefault(tensor, tensor)
            if isinstance(op, MOVES):
                for tensor in op.inputs:
                    self._parent[self.leader(tensor)] = self.leader(op.out)

    def leader(self, tensor: Tensor) -> Tensor:
        """The tensor that stands for the whole group."""
        while self._parent[tensor] is not tensor:
            self._parent[tensor] = self._parent[self._parent[tensor]]
            tensor = self._parent[tensor]
        return tensor

    def groups(self) -> list[list[Tensor]]:
        """All groups, in the order in which their first tensors appear."""
        groups: dict[Tensor, list[Tensor]] = {}
        for tensor in self._parent:
            groups.setdefault(self.leader(tensor), []).append(tensor)
        return list(groups.values())


def moved(ops: Sequence[Op]) -> set[Tensor]:
    """The maps whose values all stand in other maps of their group already."""
    return {op.out for op in ops if isinstance(op, MOVES)}
