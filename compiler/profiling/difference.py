"""Two profiles of one model side by side, node by node, whatever each fused into its kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zcc.compiler.profiling.profile import KernelTime

OTHER = "other"  # what stands for no node: borders, copies, changes of type


@dataclass(frozen=True)
class NodeTime:
    """What some nodes take in one profile and in the other, in seconds."""

    nodes: tuple[str, ...]
    before: float
    after: float
    kernels: tuple[tuple[str, ...], tuple[str, ...]]  # of each

    @property
    def change(self) -> float:
        """How much longer they take now."""
        return self.after - self.before


def difference(before: Sequence[KernelTime], after: Sequence[KernelTime]) -> list[NodeTime]:
    """The smallest groups of nodes that are whole kernels in both, those that changed most first."""
    groups = _Groups()
    for each in (*before, *after):
        groups.join(each.nodes or (OTHER,))
    found: dict[str, tuple[dict[str, None], list[KernelTime], list[KernelTime]]] = {}
    for side, times in enumerate((before, after)):
        for each in times:
            names = each.nodes or (OTHER,)
            nodes, *sides = found.setdefault(groups.head(names[0]), ({}, [], []))
            nodes.update(dict.fromkeys(names))
            sides[side].append(each)
    told = [
        NodeTime(
            tuple(nodes),
            sum(each.seconds for each in mine),
            sum(each.seconds for each in theirs),
            (tuple(each.kernel for each in mine), tuple(each.kernel for each in theirs)),
        )
        for nodes, mine, theirs in found.values()
    ]
    return sorted(told, key=lambda each: -abs(each.change))


class _Groups:
    """Names that belong together."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def head(self, name: str) -> str:
        """The name that stands for the whole group."""
        while (above := self._above.setdefault(name, name)) != name:
            name = above
        return name

    def join(self, names: Sequence[str]) -> None:
        """Make one group of those of all these names."""
        first = self.head(names[0])
        for name in names[1:]:
            self._above[self.head(name)] = first
