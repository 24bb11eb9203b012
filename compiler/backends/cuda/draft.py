"""A launch before anything has an address: a kernel, what it is given, and what it reads and writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.cuda.kernels.kernel_source import KernelSpec
from zcc.compiler.backends.cuda.place import View


@dataclass(eq=False)
class LaunchScratch:
    """Memory for one launch alone; counters are zero before and after it."""

    bytes: int
    counters: bool = False


@dataclass(frozen=True)
class Constant:
    """A place among the weights."""

    offset: int
    bytes: int


Argument = View | LaunchScratch | Constant


@dataclass(eq=False)
class Draft:
    """One launch."""

    spec: KernelSpec
    label: str
    arguments: list[Argument]
    reads: list[View]
    writes: list[View]
    flops: int = 0

    @property
    def scratch(self) -> list[LaunchScratch]:
        """What it alone uses."""
        return [argument for argument in self.arguments if isinstance(argument, LaunchScratch)]

    @property
    def constants(self) -> list[Constant]:
        """What it reads of the weights."""
        return [argument for argument in self.arguments if isinstance(argument, Constant)]

    @property
    def bytes(self) -> int:
        """What it cannot do without reading or writing."""
        maps = sum(view.width * view.storage.height * view.storage.width for view in (*self.reads, *self.writes))
        return maps + sum(constant.bytes for constant in self.constants)

    def must_follow(self, earlier: Draft) -> bool:
        """Whether it reads what `earlier` writes, or writes what that reads or writes."""
        written = any(view.meets(mine) for view in earlier.writes for mine in (*self.reads, *self.writes))
        return written or any(view.meets(mine) for view in earlier.reads for mine in self.writes)


@dataclass
class Constants:
    """The bytes of the weights so far; equal ones are kept once."""

    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    known: dict[bytes, Constant] = field(default_factory=dict)

    def add(self, values: NDArray[Any]) -> Constant:
        """Keep an array, on a boundary of ALIGNED bytes."""
        data = np.ascontiguousarray(values).tobytes()
        if data not in self.known:
            self.known[data] = Constant(self.size, len(data))
            padded = data + bytes(-len(data) % ALIGNED)
            self.parts.append(padded)
            self.size += len(padded)
        return self.known[data]

    @property
    def blob(self) -> bytes:
        """All constants, as they lie in the file of weights."""
        return b"".join(self.parts)


ALIGNED = 256


def true_edges(drafts: list[Draft]) -> list[list[int]]:
    """For each launch those it must wait for, without any that another of them waits for already."""
    before: list[set[int]] = []
    edges: list[list[int]] = []
    for index, draft in enumerate(drafts):
        seen: set[int] = set()
        direct: list[int] = []
        for other in reversed(range(index)):
            if other not in seen and draft.must_follow(drafts[other]):
                direct.append(other)
                seen |= {other} | before[other]
        before.append(seen)
        edges.append(sorted(direct))
    return edges
