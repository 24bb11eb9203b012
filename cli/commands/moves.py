"""How moves of tags are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zcc.commands.output import print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zcc.registry.tags import Move

DIGEST_LENGTH = len("sha256:") + 12


def report(move: Move, as_json: bool) -> None:
    """Say where a tag is now."""
    if as_json:
        print_json(move.describe())
    else:
        say(f"{move.name}:{move.tag} {place(move)}")


def line(move: Move) -> str:
    """A move as its history tells it: when, by whom, what, from where to where, and why."""
    came = f"from {_digests(move.came_from)} " if move.came_from else ""
    said = f": {move.message}" if move.message else ""
    who = move.who or "-"
    return f"{move.moved}  {who:<8}  {move.why:<8}  {move.name}:{move.tag} {came}{place(move)}{said}"


def place(move: Move) -> str:
    """Where a move put its tag."""
    return f"-> {_digests(move.digests)}" if move.digests else "is taken away"


def _digests(digests: Sequence[str]) -> str:
    return ", ".join(digest[:DIGEST_LENGTH] for digest in digests)
