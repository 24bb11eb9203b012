"""What somebody may have meant by a word that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 3
ALIKE = 0.6  # of difflib's ratio


def near(word: str, known: Iterable[str]) -> list[str]:
    """The known words that begin so, else those that look alike, the likeliest first."""
    words = list(known)
    begun = [each for each in words if word and each.startswith(word)]
    return begun[:MOST] or get_close_matches(word, words, MOST, ALIKE)


def meant(word: str, known: Iterable[str]) -> str:
    """A question for the end of an error; empty where nothing is near."""
    found = near(word, known)
    return f"; did you mean {' or '.join(found)}?" if found else ""
