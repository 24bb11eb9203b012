"""Kernels whose threads make four channels of a pixel each."""

from __future__ import annotations

from typing import Protocol

from zcc.compiler.backends.cuda.kernels.formats import Map
from zcc.compiler.backends.cuda.kernels.kernel_source import Extent


class _Making(Protocol):
    @property
    def threads(self) -> int: ...

    @property
    def y(self) -> Map: ...


class QuadThreads:
    """How such a kernel, which makes the map `y`, is launched."""

    threads = 256  # of a block
    shared_bytes = 0

    @property
    def grid(self: _Making) -> Extent:
        """Four channels of a pixel a thread."""
        return -(-self.y.pixels * self.y.channels // (4 * self.threads)), 1, 1

    @property
    def block(self) -> Extent:
        """Threads."""
        return self.threads, 1, 1
