"""Nobody follows a search."""

from __future__ import annotations

from zcc.compiler.backends.search import AnySearch, TunedKernel
from zcc.compiler.building.progress import Silent


class SilentSearch(Silent):
    """Nobody follows the search."""

    def measured(self, search: AnySearch, task: TunedKernel) -> None:
        """Say nothing."""
