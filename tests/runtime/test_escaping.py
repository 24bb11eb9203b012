"""What is shown of a text from elsewhere is read, and does nothing else."""

from __future__ import annotations

import unicodedata

import pytest

from zcc.runtime.errors import ZccError
from zcc.runtime.escaping import escaped, is_printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("a\r\nb\tc\0", r"a\r\nb\tc\x00"),
        ("\u202egnp.exe\u2066\u200f", r"\u202egnp.exe\u2066\u200f"),
        ("\u2028\ud800\U000e0041\ufeff", r"\u2028\ud800\U000e0041\ufeff"),
    ],
)
def test_what_acts_is_shown_as_a_literal(text: str, shown: str) -> None:
    assert escaped(text) == shown
    assert escaped(shown) == shown
    assert not is_printable(text)


@pytest.mark.parametrize("text", ["", "person", "Straße", "人 自転車", "नमस्‍ते", "👩‍🚒 fire", "a\\n[red]", "\u3000"])
def test_what_is_read_stays(text: str) -> None:
    assert escaped(text) is text


def test_no_control_character_of_unicode_is_left_and_none_that_turns_the_direction() -> None:
    every = "".join(map(chr, range(0x110000)))
    left = escaped(every)
    assert not [char for char in left if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]
    turns = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert not [char for char in left if unicodedata.bidirectional(char) in turns]
    left.encode()


def test_an_error_is_one_line_whatever_it_quotes() -> None:
    told = ZccError("\x1b[2Jthere\nis no\r\u202ex", "look\x85there")
    assert str(told) == r"\x1b[2Jthere is no \u202ex; look there"
