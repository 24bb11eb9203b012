"""How a search tells what it is doing, beside what every stage of a compile tells."""

from __future__ import annotations

from typing import Protocol

from zcc.compiler.building.progress import Progress, Silent
from zcc.compiler.tuning.kernel_task import KernelTask, Search


class SearchProgress(Progress, Protocol):
    """Someone who follows a search for faster kernels."""

    def measured(self, search: Search, task: KernelTask) -> None:
        """The search has measured some forms of a task."""
        ...


class SilentSearch(Silent):
    """Nobody follows the search."""

    def measured(self, search: Search, task: KernelTask) -> None:
        """Say nothing."""
