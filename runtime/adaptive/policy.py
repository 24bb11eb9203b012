"""What a policy is: any class with this one method."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from zcc.runtime.adaptive.observed import Observed


class Policy(Protocol):
    """Says before each frame which resident variant runs it."""

    def choose(self, observed: Observed) -> str:
        """The dtype of the variant for the next frame. It is called for one frame at a time, in whatever thread."""
        ...


@runtime_checkable
class NamesVariants(Protocol):
    """A policy that can tell beforehand which variants it may choose, so that loading finds out if one is missing."""

    @property
    def named(self) -> tuple[str, ...]:
        """The dtypes of the variants that it may choose."""
        ...
