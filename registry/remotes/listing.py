"""What an OCI registry holds of zcc's: repositories of a host, tags of a repository, variants of a tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zcc.runtime.errors import IncompatibleHost
from zcc.runtime.remotes.address import RemoteAddress
from zcc.runtime.remotes.documents import DTYPE, INDEX, NAME, TARGET, Descriptor, entries
from zcc.runtime.remotes.repository import Repository
from zcc.runtime.remotes.session import RemoteSession


@dataclass(frozen=True)
class Tagged:
    """A tag, and the variants that it means, as its index tells them."""

    tag: str
    digest: str
    variants: tuple[Descriptor, ...]

    def describe(self) -> dict[str, Any]:
        """As users see it in `--json`."""
        fields = {"name": NAME, "dtype": DTYPE, "target": TARGET}
        variants = [
            {"digest": each.digest, **{field: each.annotations.get(key) for field, key in fields.items()}}
            for each in self.variants
        ]
        return {"tag": self.tag, "digest": self.digest, "variants": variants}


def list_repositories(address: RemoteAddress) -> list[str]:
    """The repositories of a host that tells."""
    with RemoteSession(address) as session:
        return Repository(session).repositories()


def list_tags(address: RemoteAddress) -> list[Tagged]:
    """The tags of a repository that mean variants of a detector; what else is there is left out."""
    with RemoteSession(address) as session:
        repository = Repository(session)
        every = (_tagged(repository, tag) for tag in repository.tags() if not tag.startswith("sha256-"))
        return [each for each in every if each is not None]


def _tagged(repository: Repository, tag: str) -> Tagged | None:
    try:
        document = repository.document(tag)
        if document.media_type != INDEX:
            return None
        return Tagged(tag, document.digest, tuple(entries(document.content, f"{repository.place}:{tag}")))
    except IncompatibleHost:
        return None
