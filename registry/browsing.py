"""A registry that is looked through: lists, without reading whole manifests where they need not be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zcc.registry.artifact import Artifact, Unreadable
from zcc.registry.index import Index
from zcc.registry.listing import LOST, ListFilter, Listing, arranged, check_rows, listing
from zcc.registry.reading import Reading
from zcc.registry.signatures import Signatures
from zcc.runtime.rules import brief


class Browsing(Reading):
    """What there is, narrowed down and sorted."""

    def __init__(self, index: Index) -> None:
        super().__init__(index)
        self._signatures = Signatures(self.home)

    def listed(self) -> list[Artifact | Unreadable]:
        """Everything published, the last first; what cannot be read stands in its place as that."""
        with self._reading() as catalogue:
            return catalogue.listed()

    def browse(self, wanted: ListFilter, by: str = "published", turned: bool = False) -> Listing:
        """What is wanted of everything published, sorted by one of SORTS, without reading whole manifests."""
        with self._reading() as catalogue:
            found, damaged = listing(catalogue.transaction, wanted, self.is_signed)
            wrong = dict.fromkeys(damaged, LOST) | check_rows(catalogue.transaction, found)
            told = catalogue.listed(list(wrong))
        shown = [each for each in found if each.digest not in wrong]
        return Listing(arranged(shown, by, turned), _unreadable(told, wrong))

    def described(self, digests: Sequence[str]) -> list[Artifact | Unreadable]:
        """Artifacts in the order of their digests, as `listed` has them."""
        with self._reading() as catalogue:
            return catalogue.listed(digests)

    def is_signed(self, digest: str) -> bool:
        """Whether anybody signed the artifact; a policy says whether that is worth anything."""
        return self._signatures.any(self._folders.path(digest))


def _unreadable(told: Sequence[Artifact | Unreadable], wrong: Mapping[str, str]) -> list[Unreadable]:
    """What stands for each artifact that a list cannot show, those included that no query finds by their digest."""
    found = [
        each if isinstance(each, Unreadable) else Unreadable(each.digest, each.manifest.name, wrong[each.digest])
        for each in told
    ]
    known = {each.digest for each in found}
    return found + [Unreadable(brief(each), "", why) for each, why in wrong.items() if not known & {each, brief(each)}]
