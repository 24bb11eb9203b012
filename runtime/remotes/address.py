"""Where artifacts are in an OCI registry: oci://HOST/REPO:TAG, or @sha256:… in the place of the tag."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zcc.runtime.errors import UsageError

SCHEME = "oci://"
PLAIN_SCHEME = "oci+http://"  # told to go without TLS
LATEST = "latest"  # the tag that is meant where none is named

HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:]{2,39}\])(?::[0-9]{1,5})?"
REPOSITORY = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
DIGEST = r"sha256:[0-9a-f]{64}"
LONGEST = 255  # of a repository's name
_FORM = re.compile(rf"({HOST})(?:/({REPOSITORY})(?::({TAG}))?(?:@({DIGEST}))?)?")


@dataclass(frozen=True)
class RemoteAddress:
    """A registry's host, and what is meant there."""

    host: str  # with its port, where that is named
    repository: str = ""
    tag: str | None = None
    digest: str | None = None
    plain: bool = False  # whether the user said that TLS is not wanted

    @property
    def reference(self) -> str:
        """What the registry is asked for: a digest, which never changes, before a tag."""
        return self.digest or self.tag or LATEST

    @property
    def place(self) -> str:
        """The repository, or the host, for people."""
        return f"{self.host}/{self.repository}" if self.repository else self.host

    def __str__(self) -> str:
        """As `parse` reads it."""
        what = f"@{self.digest}" if self.digest else f":{self.reference}"
        return f"{PLAIN_SCHEME if self.plain else SCHEME}{self.place}{what}"


def is_address(reference: object) -> bool:
    """Whether a reference leads to an OCI registry: its text alone decides."""
    return isinstance(reference, str) and reference.startswith((SCHEME, PLAIN_SCHEME))


def parse_host(text: str) -> RemoteAddress:
    """An address of which the repository may be left out."""
    scheme = next((each for each in (SCHEME, PLAIN_SCHEME) if text.startswith(each)), None)
    found = _FORM.fullmatch(text.removeprefix(scheme)) if scheme else None
    if found is None or len(found[2] or "") > LONGEST:
        raise UsageError(f"{text!r} is no address of a registry", f"write {SCHEME}HOST/REPO:TAG, REPO in small letters")
    return RemoteAddress(found[1], found[2] or "", found[3], found[4], scheme == PLAIN_SCHEME)


def parse(text: str) -> RemoteAddress:
    """The address that a text says."""
    address = parse_host(text)
    if not address.repository:
        raise UsageError(f"{text!r} names a host and no repository", f"write {SCHEME}HOST/REPO:TAG")
    return address
