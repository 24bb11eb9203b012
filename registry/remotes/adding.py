"""Adding variants to a tag that others may be adding to as well.

An OCI registry cannot be asked to move a tag only if nobody else has. So whoever has written it looks again, once those
who had read it before that have written, too, and puts back what they did not know of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from zcc.runtime.errors import RegistryError, UsageError
from zcc.runtime.remotes.documents import DTYPE, NAME, TARGET, Descriptor

SETTLING = 0.5  # seconds, many times what lies between reading a tag and writing it
TRIES = 10  # after which somebody pushes the same tag all the time


class Tags(Protocol):
    """Reads and writes what the tags of a repository mean."""

    def present(self, tag: str) -> list[Descriptor]:
        """The variants that a tag means."""
        ...

    def index(self, variants: Sequence[Descriptor], tag: str) -> None:
        """Let a tag mean exactly these variants."""
        ...


def add_beside(tags: Tags, tag: str, mine: Sequence[Descriptor], pause: Callable[[float], None]) -> list[Descriptor]:
    """Let a tag mean these variants in the place of their like and beside all others; all that it means then."""
    wanted = list(mine)
    for _ in range(TRIES):
        meant = [*_beside(wanted, tags.present(tag)), *wanted]
        tags.index(meant, tag)
        pause(SETTLING)
        there = {_kind(each) for each in tags.present(tag)}
        wanted = [each for each in mine if _kind(each) not in there]  # of the same kind, the later one wins
        if not wanted:
            return meant
    raise RegistryError(f"others keep moving the tag {tag} at the same time", "push again once they are done")


def _beside(mine: Sequence[Descriptor], there: Sequence[Descriptor]) -> list[Descriptor]:
    """Of what is there, what is not replaced; a repository's tag holds one name."""
    replaced = {_kind(each) for each in mine}
    name = mine[0].annotations[NAME]
    for each in there:
        if each.annotations.get(NAME) != name:
            problem = f"the tag means {each.annotations.get(NAME, 'something else')}, and would mean {name} as well"
            raise UsageError(problem, "push to another repository or tag, or leave out --add")
    return [each for each in there if _kind(each) not in replaced]


def _kind(variant: Descriptor) -> tuple[str | None, str | None]:
    """What a tag holds one variant of."""
    return variant.annotations.get(DTYPE), variant.annotations.get(TARGET)
