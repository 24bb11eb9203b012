"""Which targets somebody may have meant by a name that none has: by likeness, and by what machines are called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from zcc.compiler.backends.target import Target

MISTYPED, LIKE = 0.8, 0.6  # how alike names are: one slip of a finger, and more than chance
LEAST_STEM = 4  # letters of a word that may go on, as in graviton2


def near_targets(name: str, known: Mapping[str, Target], *others: str) -> list[str]:
    """Those like a mistyped name, `others` among them; else all targets that it describes; else the most like ones."""
    mistyped = get_close_matches(name.lower(), (*known, *others), n=3, cutoff=MISTYPED)
    return mistyped or _described(name, known) or get_close_matches(name.lower(), known, n=3, cutoff=LIKE)


def _described(name: str, known: Mapping[str, Target]) -> list[str]:
    """The targets whose names and descriptions have most of its words."""
    wanted = _words(name)
    counts = {target: sum(_has(word, _words_of(each)) for word in wanted) for target, each in known.items()}
    most = max(counts.values())
    return [target for target, count in counts.items() if count == most] if most else []


def _words_of(target: Target) -> set[str]:
    """Instruction sets are written with hyphens and without: `AVX-512` has avx, 512 and avx512."""
    text = f"{target.name} {target.describe} {target.known_as}"
    return _words(text) | _words(text.replace("-", ""))


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[^a-z0-9]+", text.lower()) if len(word) > 1}


def _has(word: str, words: set[str]) -> bool:
    """Whether the word is there, or the beginning of one: boards come in generations."""
    return word in words or (len(word) >= LEAST_STEM and any(each.startswith(word) for each in words))
