"""How the compiler tells what it is doing, without knowing who listens."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Progress(Protocol):
    """Someone who follows a build. Stages may nest."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """The work inside the `with` block is the stage `name`; it has failed when the block raises."""
        ...

    def note(self, text: str) -> None:
        """Something worth a line that is not a stage: a choice made, a fallback, a cached result."""
        ...


class Silent:
    """Nobody listens: for use as a library."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Run the stage and say nothing."""
        return nullcontext()

    def note(self, text: str) -> None:
        """Say nothing."""
