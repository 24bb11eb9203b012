"""Parts of a plan, and how they are joined: what begins a part waits for all that ends the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from zcc.runtime.executors.plan import Launch


@dataclass(frozen=True)
class Part:
    """Some launches; those that they wait for are counted from the first of them."""

    launches: tuple[Launch, ...]

    @property
    def last(self) -> tuple[int, ...]:
        """Launches that no other one of the part waits for."""
        awaited = {index for launch in self.launches for index in launch.after}
        return tuple(index for index in range(len(self.launches)) if index not in awaited)


def join(parts: Sequence[Part]) -> tuple[Launch, ...]:
    """The launches of all parts, one part behind the other."""
    joined: list[Launch] = []
    before: tuple[int, ...] = ()
    for part in parts:
        first = len(joined)
        for launch in part.launches:
            after = tuple(first + index for index in launch.after) or before
            joined.append(replace(launch, after=after))
        before = tuple(first + index for index in part.last) or before
    return tuple(joined)
