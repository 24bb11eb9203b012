"""Text from elsewhere as it may be shown: it is read, and does nothing else to a terminal or a log."""

from __future__ import annotations

import re

# Control characters (C0, DEL, C1), marks that turn the direction of writing, line and paragraph separators, characters
# that are not seen, and halves of characters, which cannot be written. Joiners stay: scripts and emoji need them.
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def is_printable(text: str) -> bool:
    """Whether a text does nothing to whom it is shown but be read."""
    return (text.isascii() and text.isprintable()) or not UNPRINTABLE.search(text)


def escaped(text: str) -> str:
    """The text with what is not read, line ends as well, as Python writes it in a literal."""
    return text if is_printable(text) else UNPRINTABLE.sub(_literal, text)


def _literal(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
