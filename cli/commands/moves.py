"""How moves of tags are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zcc.commands.output import print_json, say

if TYPE_CHECKING:
    from zcc.registry.tags import Move

DIGEST_LENGTH = len("sha256:") + 12


def report(move: Move, as_json: bool) -> None:
    """Say where a tag is now."""
    if as_json:
        print_json(move.describe())
    else:
        say(f"{move.name}:{move.tag} {place(move)}")


def place(move: Move) -> str:
    """Where a move put its tag."""
    return "-> " + ", ".join(digest[:DIGEST_LENGTH] for digest in move.digests) if move.digests else "is taken away"
