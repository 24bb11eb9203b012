"""How people name artifacts: `name`, `name:tag`, `name@sha256:…`, `sha256:…` or the start of a digest."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zcc.runtime.errors import UsageError
from zcc.runtime.naming import NAME, SUFFIX, is_path
from zcc.runtime.remotes.address import is_address

ALGORITHM = "sha256"
SHORTEST_PREFIX = 4

PULL = "zcc pull publishes what is there; then write its name"
PUBLISH = f"zcc import FILE{SUFFIX} publishes what a bundle holds; then write its name"

_WORD = re.compile(NAME)
_PREFIX = re.compile(rf"[0-9a-f]{{{SHORTEST_PREFIX},64}}")


@dataclass(frozen=True)
class Reference:
    """A parsed reference; a plain word may turn out to be the start of a digest instead of a name."""

    text: str
    name: str | None = None
    tag: str | None = None
    prefix: str | None = None  # the start of a digest, hex digits alone

    @property
    def bare(self) -> bool:
        """Whether it is one plain word."""
        return self.name is not None and self.tag is None and self.prefix is None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference, or say what one looks like."""
        if is_address(text):
            raise UsageError(f"{text} is an address, and what is asked for is an artifact of the registry", PULL)
        if is_path(text):
            raise UsageError(f"{text} is a path, and what is asked for is an artifact of the registry", PUBLISH)
        name, at, digest = text.partition("@")
        if at:
            return cls(text, name=check_name(name), prefix=_hex_digits(digest, text))
        if text.startswith(f"{ALGORITHM}:"):
            return cls(text, prefix=_hex_digits(text, text))
        name, colon, tag = text.partition(":")
        return cls(text, name=check_name(name), tag=check_tag(tag) if colon else None)


def check_name(name: str) -> str:
    """The name itself when an artifact can bear it."""
    if name == ALGORITHM:
        raise UsageError(f"{name!r} cannot be a name: it starts a digest", "choose another")
    if name.endswith(SUFFIX):
        raise UsageError(f"{name!r} cannot be a name: {SUFFIX} marks the path of a bundle", "choose another")
    return _check_word(name, "name")


def check_tag(tag: str) -> str:
    """The tag itself when it can be one."""
    return _check_word(tag, "tag")


def is_prefix(word: str) -> bool:
    """Whether a word can be the start of a digest."""
    return _PREFIX.fullmatch(word) is not None


def _check_word(word: str, kind: str) -> str:
    if not _WORD.fullmatch(word):
        raise UsageError(
            f"{word!r} cannot be a {kind}",
            "use up to 128 letters, digits, '.', '_' and '-', a letter or digit first",
        )
    return word


def _hex_digits(digest: str, text: str) -> str:
    prefix = digest.removeprefix(f"{ALGORITHM}:")
    if not is_prefix(prefix):
        raise UsageError(
            f"{text!r} does not hold a digest",
            f"write {ALGORITHM}: and {SHORTEST_PREFIX} to 64 of the digits 0-9 and a-f",
        )
    return prefix
